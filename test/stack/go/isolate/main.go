// Runs a program in a network namespace of its own, as a pod's containers are, for those that insist on ports which
// only one process of a machine can have (Knative's queue-proxy and channel dispatcher).
//
//	isolate [-in HOST=INSIDE]... [-out INSIDE=HOST]... -- program arguments...
//
// All are ports on 127.0.0.1: a connection to HOST goes on to INSIDE in the namespace, and one to INSIDE there goes on to
// HOST on the machine. Ends with the program, and with its exit code. Who may make no network namespace (it needs
// CAP_SYS_ADMIN) has it made in a user namespace.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

type forward struct{ from, to string }

type arguments struct {
	in, out []forward
	command []string
}

func parse(args []string) (arguments, error) {
	var parsed arguments
	for len(args) >= 2 && args[0] != "--" {
		from, to, found := strings.Cut(args[1], "=")
		if !found {
			return parsed, fmt.Errorf("%s: expected PORT=PORT", args[1])
		}
		pair := forward{"127.0.0.1:" + from, "127.0.0.1:" + to}
		switch args[0] {
		case "-in":
			parsed.in = append(parsed.in, pair)
		case "-out":
			parsed.out = append(parsed.out, pair)
		default:
			return parsed, fmt.Errorf("%s: expected -in or -out", args[0])
		}
		args = args[2:]
	}
	if len(args) < 2 {
		return parsed, errors.New("expected -- and a program")
	}
	parsed.command = args[1:]
	return parsed, nil
}

// Runs what it gets on the one thread that is in the new namespace: a socket belongs to the namespace of the thread that
// makes it, and a process to that of the thread that starts it.
type namespace chan func()

func openNamespace() (namespace, error) {
	inside := make(namespace)
	opened := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the process.
		runtime.LockOSThread()
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			opened <- fmt.Errorf("a network namespace cannot be made: %w", err)
			return
		}
		opened <- bringUpLoopback()
		for work := range inside {
			work()
		}
	}()
	return inside, <-opened
}

func (inside namespace) run(work func() error) error {
	done := make(chan error)
	inside <- func() { done <- work() }
	return <-done
}

func bringUpLoopback() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	var request struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		rest  [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	_, _, failure := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	if failure != 0 {
		return failure
	}
	return nil
}

type dial func() (net.Conn, error)

func serve(listener net.Listener, dial dial) {
	for {
		incoming, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			outgoing, err := dial()
			if err != nil {
				incoming.Close()
				return
			}
			go pipe(incoming, outgoing)
			pipe(outgoing, incoming)
		}()
	}
}

func pipe(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	if half, ok := to.(*net.TCPConn); ok {
		half.CloseWrite()
	}
}

func (inside namespace) dialer(address string) dial {
	return func() (connection net.Conn, err error) {
		err = inside.run(func() (failure error) {
			connection, failure = net.Dial("tcp", address)
			return failure
		})
		return connection, err
	}
}

func open(inside namespace, given arguments) error {
	for _, pair := range given.in {
		listener, err := net.Listen("tcp", pair.from)
		if err != nil {
			return err
		}
		go serve(listener, inside.dialer(pair.to))
	}
	for _, pair := range given.out {
		err := inside.run(func() error {
			listener, err := net.Listen("tcp", pair.from)
			if err == nil {
				go serve(listener, func() (net.Conn, error) { return net.Dial("tcp", pair.to) })
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// The first argument of the process that runs in a user namespace.
const inUserNamespace = "-in-user-namespace"

// The same program again, in a user namespace with the same user, who may do there what root may do on the machine. Its
// network is the machine's.
func again(arguments []string) (int, error) {
	// The child is killed with the thread that started it.
	runtime.LockOSThread()
	child := exec.Command("/proc/self/exe", append([]string{inUserNamespace}, arguments...)...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	const capNetAdmin, capSysAdmin = 12, 21
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{capNetAdmin, capSysAdmin},
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := child.Start(); err != nil {
		return 2, fmt.Errorf("neither a network namespace nor a user namespace can be made: %w", err)
	}
	return wait(child)
}

// Until the program has ended: its exit code.
func wait(child *exec.Cmd) (int, error) {
	err := child.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 2, err
	}
	return child.ProcessState.ExitCode(), nil
}

func start(inside namespace, command []string) (*exec.Cmd, error) {
	child := exec.Command(command[0], command[1:]...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return child, inside.run(child.Start)
}

func run() (int, error) {
	args := os.Args[1:]
	isAgain := len(args) > 0 && args[0] == inUserNamespace
	if isAgain {
		args = args[1:]
	}
	given, err := parse(args)
	if err != nil {
		return 2, err
	}
	// They reach the whole process group, so the program as well; this one forwards until the program has ended. Not
	// ignored, which the program would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT)
	inside, err := openNamespace()
	if errors.Is(err, syscall.EPERM) && !isAgain {
		return again(args)
	}
	if err != nil {
		return 2, err
	}
	if err := open(inside, given); err != nil {
		return 2, err
	}
	child, err := start(inside, given.command)
	if err != nil {
		return 2, err
	}
	return wait(child)
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("isolate: ")
	code, err := run()
	if err != nil {
		log.Print(err)
	}
	os.Exit(code)
}
