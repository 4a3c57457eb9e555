// Package demo is lastack's main job in one run: kernel clients, curl and
// netcat, close against the userspace host in three segments and in four, and
// against the kernel itself for comparison. Each close is an experiment, a file
// here; each is drawn with both sides' states. Where lastack is the subject, its
// own trace is drawn, and held against an independent capture of the link: that
// of tcpdump, or of a packet socket where tcpdump cannot run.
//
// Run must be called inside a lab (package lab), in which it may do as it likes.
package demo
