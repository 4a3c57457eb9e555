package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outputDelay is how long a command's output may stay open after its end.
const outputDelay = 2 * time.Second

// Cmd is an exec.Cmd whose process cannot outlive this one, and that is started in the
// network namespace of the goroutine that calls Start. As with exec.Cmd, a caller of
// Start calls Wait too; Run, Output and CombinedOutput do both.
type Cmd struct {
	*exec.Cmd
	killed chan error    // what ended the context, if that killed the program
	ended  chan struct{} // closed when Wait is done; nil before Start
}

// Command prepares a client program. It is searched in PATH and in the system directories
// that may be missing in an ordinary user's PATH. If it is not installed, Start returns a
// *MissingError that names the package.
//
// When ctx ends, the program is killed with all of its process group. It is
// killed as well when this process dies.
func Command(ctx context.Context, name string, args ...string) *Cmd {
	path, err := lookPath(name)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Path, cmd.Err = path, err
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	killed := make(chan error, 1)
	cmd.Cancel = func() error {
		killed <- context.Cause(ctx)
		return killGroup(cmd.Process.Pid)
	}
	cmd.WaitDelay = outputDelay
	return &Cmd{Cmd: cmd, killed: killed}
}

func killGroup(pid int) error {
	err := unix.Kill(-pid, unix.SIGKILL)
	if errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// Start starts the program in the caller's network namespace.
func (c *Cmd) Start() error {
	ns, err := otherNamespace()
	if err != nil {
		return err
	}
	started := make(chan error, 1)
	ended := make(chan struct{})
	// The death signal is sent when the thread that forked ends, and the
	// thread of Namespace.Do does so long before the program. This one stays.
	keep := func() error {
		err := error(nil)
		if ns != nil {
			err = errors.Join(enter(ns), ns.Close())
		}
		if err == nil {
			err = c.Cmd.Start()
		}
		started <- err
		if err == nil {
			<-ended
		}
		return err
	}
	go func() {
		if ns != nil {
			_ = onOwnThread(keep) // its error went to started
			return
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		_ = keep()
	}()
	if err := <-started; err != nil {
		return err
	}
	c.ended = ended
	return nil
}

// otherNamespace opens the calling thread's network namespace if it is not the
// process's own, and returns nil if it is.
func otherNamespace() (*os.File, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	mine, err := os.Stat(threadNamespace)
	if err != nil {
		return nil, err
	}
	process, err := os.Stat("/proc/self/ns/net")
	if err != nil || os.SameFile(mine, process) {
		return nil, err
	}
	return os.Open(threadNamespace)
}

// Wait waits for the program's end, as exec.Cmd's Wait does. If the context
// killed it, the error wraps the context's cause beside the *exec.ExitError.
func (c *Cmd) Wait() error {
	err := c.Cmd.Wait()
	select {
	case cause := <-c.killed:
		if err != nil {
			err = fmt.Errorf("lab: running %s: %w: %w", c.Args[0], cause, err)
		}
	default:
	}
	if c.ended != nil {
		close(c.ended)
		c.ended = nil
	}
	return err
}

// Run starts the program and waits for its end.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the program and returns its standard output. If Stderr is nil, what
// went there is in the *exec.ExitError.
func (c *Cmd) Output() ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c.Stdout = &stdout
	if c.Stderr == nil {
		c.Stderr = &stderr
	}
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Stderr == nil {
		exit.Stderr = stderr.Bytes()
	}
	return stdout.Bytes(), err
}

// CombinedOutput runs the program and returns what it wrote to standard output
// and standard error.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var both bytes.Buffer
	c.Stdout, c.Stderr = &both, &both
	err := c.Run()
	return both.Bytes(), err
}

// lookPath finds a program. If a plain name is nowhere, the error is a *MissingError.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil || strings.Contains(name, "/") {
		return path, err
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	missing := &MissingError{What: "the program " + name + " is not installed", Err: err}
	if pkg := aptPackage(name); pkg != "" {
		missing.Mend = "sudo apt-get install " + pkg
	} else {
		missing.Mend = "install it, or give its path"
	}
	return name, missing
}

// aptPackage is the Debian and Ubuntu package of a program that experiments, labs and
// READMEs use, empty for any other: its name may be mistyped, or that of no package.
func aptPackage(program string) string {
	switch program {
	case "nc", "netcat", "nc.openbsd":
		return "netcat-openbsd"
	case "ip", "ss", "tc", "nstat":
		return "iproute2"
	case "nft":
		return "nftables"
	case "ping":
		return "iputils-ping"
	case "unshare", "nsenter", "setpriv":
		return "util-linux"
	case "mariadbd":
		return "mariadb-server"
	case "tshark", "dumpcap":
		return "tshark"
	case "java", "javac":
		return "default-jdk-headless"
	case "nginx":
		return "nginx-light libnginx-mod-stream"
	case "ssh":
		return "openssh-client"
	case "sshd":
		return "openssh-server"
	case "docker-proxy":
		return "docker.io"
	case "danted":
		return "dante-server"
	case "stunnel":
		return "stunnel4"
	case "curl", "tcpdump", "socat", "haproxy", "stunnel4", "tinyproxy", "squid", "microsocks", "slirp4netns", "passt",
		"conntrack", "python3", "gcc", "make", "chromium", "prometheus", "strace", "telnet", "wget", "iperf3":
		return program
	}
	return ""
}

// shutdownOption matches OpenBSD netcat's help on -N, which closes the sending half of
// the connection at the end of input. No other netcat has that option.
var shutdownOption = regexp.MustCompile(`(?m)^\s*-N\s.*[Ss]hutdown`)

// Netcat finds OpenBSD's netcat, the one with "nc -N". Without it, the error is
// a *MissingError that says which other netcat was found, if any.
func Netcat() (path string, err error) {
	var others []string
	for _, name := range []string{"nc.openbsd", "nc", "netcat"} {
		path, err := lookPath(name)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), outputDelay)
		// The status is of no interest: some netcats fail when asked for help.
		help, _ := Command(ctx, path, "-h").CombinedOutput()
		cancel()
		if shutdownOption.Match(help) {
			return path, nil
		}
		others = append(others, path)
	}
	missing := &MissingError{
		What: "netcat is not installed",
		Mend: "sudo apt-get install netcat-openbsd",
		Err:  exec.ErrNotFound,
	}
	if len(others) > 0 {
		missing.What = "no OpenBSD netcat: " + strings.Join(others, " and ") + " cannot close one half of a connection (nc -N)"
	}
	return "", missing
}
