//go:build !linux

package explain

import "unsafe"

// hugePages is for Linux; other systems choose their pages themselves.
func hugePages(unsafe.Pointer, uintptr) {}
