//go:build !linux

package app

import "net"

// writeMore is Linux's.
func writeMore(net.Conn, []byte) (bool, error) { return false, nil }
