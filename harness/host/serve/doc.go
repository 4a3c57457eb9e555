// Package serve runs a lastack host until it is told to stop: the TUN, the host,
// the apps, and a line for each connection as it closes.
//
//	tun -> stack.Host -> apps
//	          |
//	          +- tap -> trace.Recorder -> teardown.Table -> a line, a ladder or JSON
//	                                  \-> a pcapng file
//	                                  \-> web.Board -> a page for a browser
//
// It acts in the network namespace of its caller.
package serve
