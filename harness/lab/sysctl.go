package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// congestionControl is the tunable that a new namespace takes from the machine.
const congestionControl = "net.ipv4.tcp_congestion_control"

// Sysctl sets a tunable of the current network namespace, such as
// "net.ipv4.tcp_fin_timeout". A name that contains dots of its own is written
// with slashes: "net/ipv4/conf/eth0.1/rp_filter". Names outside "net." are
// refused, because they are the machine's and not the namespace's.
//
// A value the kernel refuses gives an error that wraps the kernel's. Congestion
// control is a frequent one; see CongestionControl.
func Sysctl(key, value string) error {
	path, err := sysctlPath(key)
	if err != nil {
		return err
	}
	// No O_CREAT or O_TRUNC: a missing key is an error, not a new file.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("lab: setting %s to %q: %w", key, value, err)
	}
	_, err = f.WriteString(value)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("lab: setting %s to %q: %w", key, value, err)
	}
	return nil
}

// ReadSysctl returns the value of a tunable of the current network namespace
// without the newline at its end. Fields are separated by tabs, as the kernel writes them.
func ReadSysctl(key string) (string, error) {
	path, err := sysctlPath(key)
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("lab: reading %s: %w", key, err)
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

// sysctlPath is the file of a tunable. /proc/sys/net shows each thread its own
// network namespace, even in the parent's /proc.
func sysctlPath(key string) (string, error) {
	name := key
	if !strings.Contains(key, "/") {
		name = strings.ReplaceAll(key, ".", "/")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return "", fmt.Errorf("lab: %q is not the name of a tunable", key)
		}
	}
	if !strings.HasPrefix(name, "net/") {
		return "", fmt.Errorf("lab: %q does not belong to a network namespace: only net.* may be set in a lab", key)
	}
	return "/proc/sys/" + name, nil
}

// Sysctl sets a tunable of this namespace, as the function Sysctl does.
func (ns *Namespace) Sysctl(key, value string) error {
	return ns.Do(func() error { return Sysctl(key, value) })
}

// ReadSysctl reads a tunable of this namespace, as the function ReadSysctl does.
func (ns *Namespace) ReadSysctl(key string) (value string, err error) {
	err = ns.Do(func() (err error) {
		value, err = ReadSysctl(key)
		return err
	})
	return value, err
}

// CongestionControl sets the first of the preferred algorithms that the
// current namespace may use and returns its name. A new namespace takes the
// machine's choice, and what the machine restricts to itself is refused here:
// on one machine bbr is in force and cubic refused, on another the other way
// round. "reno" is always accepted.
func CongestionControl(preferred ...string) (string, error) {
	var errs []error
	for _, name := range preferred {
		err := Sysctl(congestionControl, name)
		if err == nil {
			return name, nil
		}
		errs = append(errs, err)
	}
	inForce, err := ReadSysctl(congestionControl)
	if err != nil {
		return "", errors.Join(append(errs, err)...)
	}
	return inForce, errors.Join(errs...)
}
