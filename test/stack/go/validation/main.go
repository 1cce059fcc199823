// What Knative's own webhooks would say of objects, with Knative's features as they are by default: the API server knows
// only the definitions of its kinds, which allow much that Knative does not.
//
//	validation [feature of Knative Eventing=value]... < one object of JSON after the other
//
// Prints a line of JSON for each object of Knative's.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingdefaults "knative.dev/eventing/pkg/apis/config"
	"knative.dev/eventing/pkg/apis/eventing"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/feature"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	"knative.dev/pkg/apis"
	"knative.dev/serving/pkg/apis/config"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
	servingv1beta1 "knative.dev/serving/pkg/apis/serving/v1beta1"
)

type object interface {
	apis.Defaultable
	apis.Validatable
}

func objectOf(kind metav1.TypeMeta) object {
	switch kind.APIVersion + " " + kind.Kind {
	case "serving.knative.dev/v1 Service":
		return &servingv1.Service{}
	case "serving.knative.dev/v1beta1 DomainMapping":
		return &servingv1beta1.DomainMapping{}
	case "eventing.knative.dev/v1 Broker":
		return &eventingv1.Broker{}
	case "eventing.knative.dev/v1 Trigger":
		return &eventingv1.Trigger{}
	case "eventing.knative.dev/v1alpha1 EventPolicy":
		return &eventingv1alpha1.EventPolicy{}
	case "sources.knative.dev/v1 ApiServerSource":
		return &sourcesv1.ApiServerSource{}
	}
	return nil
}

type verdict struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Faults string `json:"faults"`
}

func contextWith(features []string) (context.Context, error) {
	ctx := context.Background()
	ctx = config.ToContext(ctx, config.FromContextOrDefaults(ctx))
	ctx = eventingdefaults.ToContext(ctx, &eventingdefaults.Config{
		Defaults: &eventingdefaults.Defaults{
			ClusterDefaultConfig: &eventingdefaults.DefaultConfig{
				DefaultBrokerClass: eventing.MTChannelBrokerClassValue,
			},
		},
	})
	values := map[string]string{}
	for _, pair := range features {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	flags, err := feature.NewFlagsConfigFromMap(values)
	return apis.WithinCreate(feature.ToContext(ctx, flags)), err
}

func judge(ctx context.Context, raw json.RawMessage) (*verdict, error) {
	var head struct {
		metav1.TypeMeta
		metav1.ObjectMeta `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, err
	}
	one := objectOf(head.TypeMeta)
	if one == nil {
		return nil, nil
	}
	// Some of Knative's definitions let the API server take fields that Knative does not know.
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(one); err != nil {
		return &verdict{head.Kind, head.Name, err.Error()}, nil
	}
	one.SetDefaults(ctx)
	return &verdict{head.Kind, head.Name, one.Validate(ctx).Error()}, nil
}

func run() error {
	ctx, err := contextWith(os.Args[1:])
	if err != nil {
		return err
	}
	objects, verdicts := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var raw json.RawMessage
		if err := objects.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		found, err := judge(ctx, raw)
		if err != nil {
			return err
		}
		if found == nil {
			continue
		}
		if err := verdicts.Encode(found); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
