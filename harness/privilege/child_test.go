package privilege

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// orderEnv makes the test binary a child that carries out an order.
const orderEnv = "LASTACK_PRIVILEGE_ORDER"

// order is what a child does before it reports.
type order struct {
	Keep    []Capability
	Ambient bool // raise NetRaw in the ambient set first
	Uneven  bool // take a capability from one thread first
	Twice   bool // drop with Keep, then again with nothing kept
	Exec    bool // only report: the child's own child
}

// report is what became of it.
type report struct {
	Result          Result
	Error           string
	Cgo, Uneven     bool
	Before, Threads []thread
	Had, Has        bool // CAP_NET_ADMIN
	Regain          string
	Exec            *report
	Took            time.Duration
}

// thread is what /proc says about one.
type thread struct{ Inh, Prm, Eff, Bnd, Amb, NoNewPrivs string }

const (
	none = "0000000000000000"
	// extra is how many threads the child has on top of the runtime's own.
	extra = 6
)

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(orderEnv); ok {
		if err := obey(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// obey is the child's main.
func obey(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	var r report
	var err error
	if r.Before, err = threads(); err != nil {
		return err
	}
	if !o.Exec {
		if err := o.carryOut(&r); err != nil {
			return err
		}
	}
	if r.Threads, err = threads(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func (o order) carryOut(r *report) error {
	// Threads held before the drop, and again after it.
	hold(extra, nil)
	if o.Ambient {
		if err := raiseAmbient(); err != nil {
			return err
		}
	}
	if o.Uneven {
		var err error
		hold(1, func() { err = lower(SetPCap) })
		if err != nil {
			return err
		}
	}
	r.Had = Has(NetAdmin)
	var err error
	if r.Before, err = threads(); err != nil {
		return err
	}
	start := time.Now()
	r.Result, err = Drop(o.Keep...)
	r.Took = time.Since(start)
	if o.Twice && err == nil {
		r.Result, err = Drop()
	}
	r.Cgo, r.Uneven = errors.Is(err, ErrCgo), errors.Is(err, ErrUneven)
	if err != nil {
		r.Error = err.Error()
	}
	hold(extra, nil)
	r.Has = Has(NetAdmin)
	r.Regain = fmt.Sprint(regain(NetAdmin))
	r.Exec, err = execute()
	return err
}

// hold keeps n threads for good, and has do run on each.
func hold(n int, do func()) {
	ready := make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			if do != nil {
				do()
			}
			ready <- struct{}{}
			select {}
		}()
		<-ready
	}
}

func raiseAmbient() error {
	now, err := read()
	if err != nil {
		return err
	}
	now.inheritable |= only(NetRaw)
	if err := set(now); err != nil {
		return err
	}
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(NetRaw), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// lower takes one capability from the calling thread's effective set.
func lower(c Capability) error {
	now, err := read()
	if err != nil {
		return err
	}
	now.effective &^= only(c)
	return capset(now)
}

// regain asks for a capability back.
func regain(c Capability) error {
	now, err := read()
	if err != nil {
		return err
	}
	now.effective |= only(c)
	now.permitted |= only(c)
	return capset(now)
}

func capset(s sets) error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return unix.Capset(&hdr, &s.data()[0])
}

// execute runs this program again, as a program that might gain by it.
func execute() (*report, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), orderEnv+`={"Exec":true}`)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	r := new(report)
	return r, json.Unmarshal(out, r)
}

// threads reads every thread's status.
func threads() ([]thread, error) {
	files, err := filepath.Glob(tasks + "/*/status")
	if err != nil {
		return nil, err
	}
	var all []thread
	for _, file := range files {
		status, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended; those that count do not
		}
		if err != nil {
			return nil, err
		}
		var t thread
		for line := range bytes.Lines(status) {
			key, value, _ := strings.Cut(strings.TrimSpace(string(line)), ":\t")
			switch key {
			case "CapInh":
				t.Inh = value
			case "CapPrm":
				t.Prm = value
			case "CapEff":
				t.Eff = value
			case "CapBnd":
				t.Bnd = value
			case "CapAmb":
				t.Amb = value
			case "NoNewPrivs":
				t.NoNewPrivs = value
			}
		}
		all = append(all, t)
	}
	return all, nil
}
