// Package demo is lastack's main job in one run: kernel clients, curl and
// netcat, close against the userspace host in three segments and in four, and
// against the kernel itself for comparison. Each close is drawn with both
// sides' states and held against an independent capture.
//
//	      this lab's network namespace                      a second one
//	+---------------------------------------------+      +-----------------+
//	|  curl, nc                                   |      |                 |
//	|  kernel TCP   lastack0 (TUN)  ==> lastack   |      |                 |
//	|  10.77.0.1 ------------------- 10.77.0.2    |      |  the same http  |
//	|               lastack1 (veth) ================= kernel TCP           |
//	|  10.78.0.1 ---------------------------------|------|  10.78.0.2      |
//	+---------------------------------------------+      +-----------------+
//	       tcpdump, or a packet socket, on lastack0 and lastack1
//
// Run must be called inside a lab (package lab), in which it may do as it likes.
package demo
