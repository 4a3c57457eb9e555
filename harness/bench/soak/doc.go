// Package soak loads one host for as long as wanted, on a wire as bad as can be
// made, and then asks what is left: every byte has to be right, and nothing may
// be stuck.
//
//	the lab's namespace                         this process, or a second namespace
//	  clients (a process)                         servers of harness/app
//	      |                                           |
//	  kernel TCP 10.88.0.1 -- nft -- soak0 ======== 10.88.0.2 subject
//	      forged segments, SYN flood --^              impairments (lastack)
//
// [Run] is the soak, [Compare] gives lastack and the kernel the same seeded load
// over the same seeded wire, and [MeasureLoss] and [MeasureBusy] count what gets
// stuck with a subject. All of them must be called inside a lab (package lab),
// by a program whose main, or TestMain, starts with [IsChild]: clients and
// busy loops are processes of their own, so that the heap and the goroutines of
// this process are the host's.
package soak
