package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	stateVersion = 1
	// maxState is the largest state file that is read, in bytes.
	maxState = 32 << 20
	// maxSeen is of how many connections a state file says since when they are seen.
	maxSeen = 4 * MaxHeld
)

// ErrState is matched by the errors of a state file that cannot be used: one begins anew.
var ErrState = errors.New("the state is not used")

// savedState is a Baseline in its file.
type savedState struct {
	Version int `json:"version"`
	// Boot is the machine's: the numbers of processes and sockets are new at the next.
	Boot   string       `json:"boot"`
	Owners []savedOwner `json:"owners"`
	// Seen has milliseconds since 1970 of each connection of each target.
	Seen map[string]map[string]int64 `json:"seen"`
}

type savedOwner struct {
	Target  string `json:"target"`
	Process string `json:"process"`
	PID     int    `json:"pid"`
	// First is the step of Numbers[0], in 5 minutes since 1970.
	First   int64    `json:"first"`
	Numbers []uint32 `json:"numbers"`
}

// Encode is the content of a state file. boot is the machine's boot as BootID has it.
func (b *Baseline) Encode(boot string) ([]byte, error) {
	s := savedState{Version: stateVersion, Boot: boot, Owners: []savedOwner{}, Seen: map[string]map[string]int64{}}
	for key, h := range b.owners {
		o := savedOwner{Target: key.target, Process: key.process, PID: key.pid, First: h.first}
		for k := h.first; k <= h.last; k++ {
			o.Numbers = append(o.Numbers, h.slots[k%baselineSlots])
		}
		s.Owners = append(s.Owners, o)
	}
	n := 0
	for target, seen := range b.seen {
		saved := map[string]int64{}
		for id, since := range seen {
			if n == maxSeen {
				break
			}
			n++
			saved[id] = since.UnixMilli()
		}
		s.Seen[target] = saved
	}
	return json.Marshal(&s)
}

// DecodeBaseline reads the content of a state file. Of another boot, and of times after now,
// nothing is kept. The error wraps ErrState.
func DecodeBaseline(text []byte, boot string, now time.Time) (*Baseline, error) {
	b := NewBaseline()
	var s savedState
	switch err := json.Unmarshal(text, &s); {
	case err != nil:
		return b, fmt.Errorf("%w: %w", ErrState, err)
	case s.Version != stateVersion:
		return b, fmt.Errorf("%w: it has version %d, and this lastack reads %d", ErrState, s.Version, stateVersion)
	case s.Boot != boot:
		return b, nil
	}
	for _, o := range s.Owners[:min(len(s.Owners), MaxOwners)] {
		n := int64(len(o.Numbers))
		if n == 0 || n > baselineSlots || o.First < 0 || o.First > step(now)-n+1 {
			continue
		}
		h := &history{first: o.First, last: o.First + n - 1}
		for i, number := range o.Numbers {
			h.slots[(o.First+int64(i))%baselineSlots] = number
		}
		b.owners[ownerKey{o.Target, o.Process, o.PID}] = h
	}
	left := maxSeen
	for target, saved := range s.Seen {
		seen := map[string]time.Time{}
		for id, ms := range saved {
			if since := time.UnixMilli(ms); left > 0 && !since.After(now) {
				left--
				seen[id] = since
			}
		}
		b.seen[target] = seen
	}
	return b, nil
}

// LoadBaseline reads a state file; one that is not there is an empty Baseline. A content
// that cannot be used gives an empty one too, and an error that wraps ErrState.
func LoadBaseline(path string, now time.Time) (*Baseline, error) {
	if err := checkState(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return NewBaseline(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	if len(text) > maxState {
		return NewBaseline(), fmt.Errorf("%s: %w: it has more than %d bytes", path, ErrState, maxState)
	}
	b, err := DecodeBaseline(text, BootID(), now)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return b, err
}

// checkState refuses what a rename would destroy: a device, a link.
func checkState(path string) error {
	st, err := os.Lstat(path)
	if err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("the state %s is no regular file; name one, or one that is not there yet", path)
	}
	return nil
}

// Save replaces the state file by a new one with a rename, so that a crash leaves one of the
// two whole.
func (b *Baseline) Save(path string) (err error) {
	if err := checkState(path); err != nil {
		return err
	}
	text, err := b.Encode(BootID())
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the state: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// BootID names this boot of the machine; "" where the machine does not say.
func BootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(slices.DeleteFunc(text, func(c byte) bool { return c == '\n' }))
}
