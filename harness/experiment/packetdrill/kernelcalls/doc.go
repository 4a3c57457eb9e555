// Package kernelcalls makes the system calls of packetdrill scripts with the kernel's
// sockets: it is the helper of the subject "kernel", by the protocol that every helper
// speaks. It acts in the network namespace of its process.
package kernelcalls
