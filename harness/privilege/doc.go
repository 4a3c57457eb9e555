// Package privilege gives up a process's capabilities (capabilities(7)) for good
// once what needed them is open. It wraps capset(2) and prctl(2), done on every
// thread of the process.
//
// A host needs CAP_NET_ADMIN to make its TUN device and nothing afterwards:
//
//	dev, err := tun.Open(...)
//	...
//	if _, err := privilege.Drop(); err != nil {
//		return err // end the process: some may be gone, some not
//	}
//	// from here on a parser's bug is an ordinary user's bug
//
// A borrowed TUN device must be given back with CAP_NET_ADMIN, which is then
// kept: privilege.Drop(privilege.NetAdmin).
//
// # Every thread
//
// Linux keeps capabilities per thread, and the Go runtime moves goroutines between
// threads, so a drop on one thread drops nothing. Drop uses
// syscall.AllThreadsSyscall, which exists only in binaries without cgo: build
// with CGO_ENABLED=0. In any other binary Drop changes nothing and fails with ErrCgo.
//
// # What it does not do
//
// It does not change the user: root without capabilities still owns root's
// files, and may read and write them. It closes no descriptors: what is open
// stays usable. It filters no system calls: where ordinary users may make user
// namespaces the process may still make one, and has every capability in that,
// over nothing outside it. It does not reach processes already started.
package privilege
