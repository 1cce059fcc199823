/** Grafana's model of the dashboard (https://grafana.github.io/grafana-foundation-sdk/). */
import {
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Panel, Query } from './panel.ts';
import { NAMESPACES, rows } from './rows.ts';

const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
// The window for increases is then this plus one scrape interval, so that nothing between two windows is lost.
const LEAST_STEP = '2m';
// Two sweeps: pushed counters have grown by then.
const LEAST_STEP_OF_STATS = '10m';
const HEIGHTS: Readonly<Record<Panel['kind'], number>> = { stat: 4, lines: 8, bars: 8, table: 8 };

const target = ({ expr, legend }: Query, index: number): DataqueryBuilder =>
  new DataqueryBuilder()
    .refId(String.fromCharCode(65 + index))
    .expr(expr)
    .legendFormat(legend);

type AnyPanel = StatBuilder | TimeseriesBuilder | TableBuilder;

function described<B extends AnyPanel>(builder: B, { title, description, unit, width, kind }: Panel): B {
  builder
    .title(title)
    .description(description)
    .unit(unit)
    .datasource(DATASOURCE)
    .span(width)
    .height(HEIGHTS[kind]);
  return builder;
}

function stat(panel: Panel): StatBuilder {
  const { queries, thresholds = [], words = {} } = panel;
  // Grafana's first threshold has no lower bound.
  const steps = thresholds.map(({ from, color }, index) => ({ value: index === 0 ? null : from, color }));
  const options = Object.fromEntries(Object.entries(words).map(([value, text]) => [value, { text }]));
  return described(new StatBuilder(), panel)
    .interval(LEAST_STEP_OF_STATS)
    .targets(queries.map((query, index) => target(query, index).instant()))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .mappings(Object.keys(words).length === 0 ? [] : [{ type: MappingType.ValueToText, options }])
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

function table(panel: Panel): TableBuilder {
  return described(new TableBuilder(), panel)
    .targets(
      panel.queries.map((query, index) => target(query, index).instant().format(PromQueryFormat.Table)),
    )
    .withTransformation({ id: 'organize', options: { excludeByName: { Time: true } } });
}

function overTime(panel: Panel): TimeseriesBuilder {
  const { kind, queries, colors = {} } = panel;
  const builder = described(new TimeseriesBuilder(), panel)
    .interval(LEAST_STEP)
    .targets(queries.map((query, index) => target(query, index).range()))
    .min(0)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName));
  for (const [name, fixedColor] of Object.entries(colors))
    builder.overrideByName(name, [{ id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor } }]);
  if (kind === 'lines') return builder.lineWidth(2).spanNulls(true);
  return builder
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(80)
    .lineWidth(0)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
}

function built(panel: Panel): AnyPanel {
  if (panel.kind === 'stat') return stat(panel);
  return panel.kind === 'table' ? table(panel) : overTime(panel);
}

const datasource = new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');
const namespace = new QueryVariableBuilder('namespace')
  .label('Namespace')
  .query(`label_values(${NAMESPACES.metric}, ${NAMESPACES.label})`)
  .datasource(DATASOURCE)
  .refresh(VariableRefresh.OnTimeRangeChanged)
  .sort(VariableSort.AlphabeticalAsc)
  .multi(true)
  .includeAll(true)
  .allValue('.*')
  .current({ selected: true, text: ['All'], value: ['$__all'] });

/** @returns the JSON that Grafana imports. */
export function dashboard(): string {
  const builder = new DashboardBuilder('Vault DB injector')
    .uid('vault-db-injector')
    .description('Database credentials of pods: issued, renewed, revoked.')
    .tags(['vault', 'databases'])
    .time({ from: 'now-6h', to: 'now' })
    .refresh('1m')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(datasource)
    .withVariable(namespace);
  // Links to a panel contain its id.
  let id = 0;
  const nextId = () => {
    id += 1;
    return id;
  };
  for (const { title, panels } of rows) {
    builder.withRow(new RowBuilder(title).id(nextId()));
    for (const panel of panels) builder.withPanel(built(panel).id(nextId()));
  }
  return `${JSON.stringify(builder.build(), null, 2)}\n`;
}
