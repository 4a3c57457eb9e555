// Package script reads packetdrill's language: scripts (".pkt") that say what an
// application does with its sockets, which packets arrive, and which packets the
// TCP under test must send in answer, each at its time.
//
// [Parse] turns a script's text into a [Script], a tree in which every node
// knows the place it was written at. The package is pure: it opens no file, runs no
// command and resolves no address. Who runs a script decides what a system call, a
// shell command or an assertion does; [Code.Run] evaluates assertions over values
// that the caller supplies.
//
// The language is the one that google's packetdrill documents, with the additions of
// FreeBSD's packetdrill that TCP scripts use, and with names for sequence numbers
// (see [Number]), which Config.Strict turns off. SCTP is not part of it.
package script
