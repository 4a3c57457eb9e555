//go:build privilege_cgo

package privilege

// A test binary built with this tag links C code, as a program does that uses
// cgo without knowing, through package net for example. TestCgo builds it.
import _ "runtime/cgo"
