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
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// orderEnv makes the test binary a child that carries out an order.
const orderEnv = "LASTACK_PRIVILEGE_ORDER"

// order is what a child does before it reports.
type order struct {
	Keep    []Capability
	To      *User
	Secret  string // a file to read, to write and to make a neighbour of
	Ambient bool   // raise NetRaw in the ambient set first
	Uneven  bool   // take a capability from one thread first
	Twice   bool   // drop with Keep, then again with nothing kept
	Exec    bool   // only report: the child's own child
}

// report is what became of it.
type report struct {
	Result          Result
	Error           string
	Uneven          bool
	Before, Threads []thread
	Had, Has        bool // CAP_NET_ADMIN
	Regain          string
	Secret          []string // what could be done to order.Secret, on a few threads
	Back            []string // ways in which a thread became root again
	Exec            *report
	Took            time.Duration
}

// thread is what /proc says about one.
type thread struct{ Uid, Gid, Groups, Inh, Prm, Eff, Bnd, Amb, NoNewPrivs string }

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
	if o.Secret != "" {
		// On threads old and new: each has its own credentials.
		for range extra {
			hold(1, func() {
				r.Secret = append(r.Secret, touch(o.Secret)...)
				r.Back = append(r.Back, goBack()...)
			})
		}
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
	r.Result, err = Drop(o.To, o.Keep...)
	r.Took = time.Since(start)
	if o.Twice && err == nil {
		r.Result, err = Drop(nil)
	}
	r.Uneven = errors.Is(err, ErrUneven)
	if err != nil {
		r.Error = err.Error()
	}
	hold(extra, nil)
	r.Has = Has(NetAdmin)
	r.Regain = fmt.Sprint(regain(NetAdmin))
	r.Exec, err = execute(o.Secret)
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
	now := cap.GetProc()
	err := now.SetFlag(cap.Inheritable, true, NetRaw)
	return errors.Join(err, now.SetProc(), cap.SetAmbient(true, NetRaw))
}

// change sets or takes one capability from the calling thread, which must be locked.
func change(on bool, c Capability, flags ...cap.Flag) error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return err
	}
	for _, flag := range flags {
		word := &data[c/32].Effective
		if flag == cap.Permitted {
			word = &data[c/32].Permitted
		}
		*word &^= 1 << (c % 32)
		if on {
			*word |= 1 << (c % 32)
		}
	}
	return unix.Capset(&hdr, &data[0])
}

// lower takes one capability from the calling thread's effective set.
func lower(c Capability) error { return change(false, c, cap.Effective) }

// regain asks for a capability back.
func regain(c Capability) error { return change(true, c, cap.Effective, cap.Permitted) }

// touch tries what root may do to root's files, and lists what worked.
func touch(secret string) (worked []string) {
	if _, err := os.ReadFile(secret); err == nil {
		worked = append(worked, "read")
	}
	if f, err := os.OpenFile(secret, os.O_WRONLY|os.O_APPEND, 0); err == nil {
		f.Close()
		worked = append(worked, "write")
	}
	if f, err := os.Create(secret + "-neighbour"); err == nil {
		f.Close()
		worked = append(worked, "create")
	}
	if os.Chmod(secret, 0o600) == nil {
		worked = append(worked, "chmod")
	}
	if _, err := os.ReadFile(secret + "-of-group"); err == nil {
		worked = append(worked, "read by group")
	}
	return worked
}

// goBack tries to make the calling thread root's again, and lists the ways that worked.
func goBack() (worked []string) {
	const same = ^uintptr(0)
	for name, call := range map[string][4]uintptr{
		"setuid 0":    {unix.SYS_SETUID, 0, 0, 0},
		"setgid 0":    {unix.SYS_SETGID, 0, 0, 0},
		"setresuid 0": {unix.SYS_SETRESUID, same, 0, same},
		"setresgid 0": {unix.SYS_SETRESGID, same, 0, same},
		"setfsuid 0":  {unix.SYS_SETFSUID, 0, 0, 0},
		"setgroups":   {unix.SYS_SETGROUPS, 0, 0, 0},
	} {
		_, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3])
		if call[0] == unix.SYS_SETFSUID { // it answers with whom it was before, and never fails
			now, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, same, 0, 0)
			errno = unix.Errno(now)
		}
		if errno == 0 {
			worked = append(worked, name)
		}
	}
	return worked
}

// execute runs this program again, as a program that might gain by it.
func execute(secret string) (*report, error) {
	text, err := json.Marshal(order{Exec: true, Secret: secret})
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), orderEnv+"="+string(text))
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
			case "Uid":
				t.Uid = value
			case "Gid":
				t.Gid = value
			case "Groups":
				t.Groups = value
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
