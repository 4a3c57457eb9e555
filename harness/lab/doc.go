// Package lab makes the ground an experiment stands on: network namespaces of
// its own, links between them, the kernel's view of every TCP socket in them,
// and client programs run inside them. Nothing it makes outlives the process
// that asked for it.
//
// # How it works
//
// A program that wants a lab starts itself again inside new namespaces:
//
//	your shell
//	   |
//	lastack demo            the parent: waits, passes signals on, returns the status
//	   |  clone(NEWNET|NEWPID[|NEWUSER]), Pdeathsig SIGKILL
//	lastack demo            the child: PID 1 of its namespace, works as root in it
//	   |
//	curl, nc, ...           die with PID 1
//
// The child is PID 1, so the kernel kills every process of the lab when it
// ends, and the network namespace, its links and its sockets go with the last
// of them. The parent's death, SIGKILL included, kills the child. There is no
// clean-up code that could fail to run.
//
//	func main() {
//		if !lab.Inside() {
//			code, err := lab.Reexec(context.Background(), lab.Options{})
//			if err != nil {
//				fmt.Fprintln(os.Stderr, err)
//			}
//			os.Exit(code)
//		}
//		if err := lab.Setup(); err != nil { ... } // loopback up, orphans reaped
//		...
//	}
//
// A process that holds CAP_NET_ADMIN and CAP_SYS_ADMIN needs no more; for all others the
// child gets a user namespace in which it is root. [Check] tells whether this machine
// allows that, and how to fix it when it does not.
//
// Inside, [NewNamespace] makes further network namespaces, [Veth] links them,
// [Sysctl] sets their tunables, [Sockets] and [WaitState] read the kernel's
// socket states over inet_diag, and [Command] runs clients. Functions that act
// on "the current namespace" act on the namespace of the calling thread, so
// they work inside [Namespace.Do].
//
// # What to know
//
// /proc stays the one the parent saw: its process numbers are not the lab's.
// Use /proc/self and /proc/thread-self, never /proc/<os.Getpid()>.
//
// The child runs in its own process group, so a terminal's Ctrl-C reaches the
// parent alone, which passes it on once. It cannot read from the terminal.
//
// # What it does not do
//
// It opens no TUN device, starts no userspace stack and captures no packets.
// It isolates network and processes, not files: the lab sees and can change the same
// file system. It makes no mount namespace.
package lab
