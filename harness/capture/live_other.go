//go:build !linux

package capture

import (
	"errors"
	"fmt"
	"runtime"
)

// Live records nothing on this system: packet sockets are Linux'. Tcpdump
// captures here, and files are read everywhere.
type Live struct{}

// OpenLive fails with an error that wraps errors.ErrUnsupported.
func OpenLive(iface string, _ LiveConfig) (*Live, error) {
	return nil, fmt.Errorf("capture: record %s: live capture needs Linux' packet sockets, and this is %s: capture with tcpdump -w, and read the file: %w", iface, runtime.GOOS, errors.ErrUnsupported)
}

// Next fails: there is no open Live on this system.
func (l *Live) Next() (Packet, error) { return Packet{}, errors.ErrUnsupported }

// Stop does nothing.
func (l *Live) Stop() error { return nil }

// Close does nothing.
func (l *Live) Close() error { return nil }

// Interfaces has none.
func (l *Live) Interfaces() []string { return nil }

// SkippedKinds has none.
func (l *Live) SkippedKinds() []Kind { return nil }

// Stats has counted nothing.
func (l *Live) Stats() Stats { return Stats{} }
