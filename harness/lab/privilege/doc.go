// Package privilege gives up what a process started by root may do (capabilities(7),
// credentials(7)) for good, once what needed it is open. It wraps
// kernel.org/pub/linux/libs/security/libcap, which makes system calls on every thread of
// the process.
//
// A host needs CAP_NET_ADMIN to make its TUN device and nothing afterwards:
//
//	dev, err := tun.Open(...)
//	...
//	user, err := privilege.Ordinary(os.Getenv)
//	...
//	if _, err := privilege.Drop(user); err != nil {
//		return err // end the process: some may be gone, some not
//	}
//	// from here on a parser's bug is an ordinary user's bug
//
// A borrowed TUN device must be given back with CAP_NET_ADMIN, which is then
// kept: privilege.Drop(user, privilege.NetAdmin).
//
// # Whom root becomes
//
// Root without capabilities still owns root's files, so Drop changes the user and the
// group too, and leaves all supplementary groups: to the user that called sudo, and
// without sudo to nobody. Files that root may write to, and directories that a socket is
// removed from at the end, have to be opened or given away before.
//
// # Every thread
//
// Linux keeps all of that per thread, and the Go runtime moves goroutines between
// threads, so a drop on one thread drops nothing. libcap's psx reaches all of them, with
// cgo and without; with cgo it needs the /proc of its own PID namespace. Drop looks at every
// thread in /proc afterwards.
//
// # What it does not do
//
// It closes no descriptors: what is open stays usable. It filters no system calls: where
// ordinary users may make user namespaces the process may still make one, and has every
// capability in that, over nothing outside it. It does not reach processes already
// started. As nobody, the process can be killed by other processes of nobody.
package privilege
