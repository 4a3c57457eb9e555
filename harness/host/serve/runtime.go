package serve

import (
	"os"
	"runtime"
	"runtime/debug"
)

// available is how many processors Go's runtime takes by itself: those of the
// machine, or what a control group leaves of them.
var available = runtime.GOMAXPROCS(0)

// TuneRuntime fits Go's runtime to a process that is a host on a TUN and little
// else. It has to come before the host is made, because netstack makes as many
// workers as the runtime has processors then, and is for main functions: it changes
// the process.
//
// The heap may grow fivefold between collections: connections are short, so most of
// it is garbage, and little of it lives. GOGC overrules.
//
// The runtime gets half of the processors, at least one. All packets come through one
// goroutine, and from there each goes to a worker of netstack's and on to the
// application. Where these run on processors of their own, each packet wakes another
// one, and what a connection is made of moves to its cache: short connections, and
// bulk with offload, cost half as much again with two as with one. The other half is
// for the kernel and its clients. GOMAXPROCS overrules.
func TuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, available/2))
	}
}
