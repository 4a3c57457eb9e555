package bench

import (
	"fmt"
	"strings"

	"lastack/harness/lab/wire"
	"lastack/tun"
)

// subject is something that is compared.
type subject struct {
	name  string
	about string
	// config is the wire to the subject, whose servers are of the kind.
	config func(kind) wire.Config
}

// Names of subjects.
const (
	veth           = "kernel-veth"
	throughForward = "kernel-forwarder"
	throughOffload = "kernel-forwarder-offload"
	plain          = "gvisor"
	lastack        = "lastack"
	lastackOffload = "lastack-offload"
	lastackTraced  = "lastack-traced"
	lastackNoDelay = "lastack-no-delay"
	offloadNoDelay = "lastack-offload-no-delay"
	lastackJumbo   = "lastack-mtu-65535"
	offloadJumbo   = "lastack-offload-mtu-65535"
	lastackSlow    = "lastack-msl-240s"
	lastackLight   = "lastack-light"
	lastackServe   = "serve"
)

var (
	undelayed = map[string]string{"lastack.delayed_ack": "0"}
	light     = map[string]string{"lastack.light": "1"}
	slow      = map[string]string{"lastack.msl_ms": "240000"}
)

var subjects = []subject{
	{veth, "the kernel over a virtual cable", as(wire.Config{Subject: wire.Kernel{}, Offload: true})},
	{throughForward, "the kernel behind two TUNs that a loop joins: the floor", as(wire.Config{Subject: wire.Kernel{}, Join: forward})},
	{throughOffload, "the same with segmentation offload", as(wire.Config{Subject: wire.Kernel{}, Join: forward, Offload: true})},
	{plain, "gVisor's netstack on fdbased, as its examples have it", as(wire.Config{Subject: wire.GVisor{}})},
	{lastack, "lastack as a library", host{}.config},
	{lastackOffload, "with --offload", host{offload: true}.config},
	{lastackTraced, "with every segment recorded", traced{}.config},
	{lastackNoDelay, "with lastack.delayed_ack=0", host{set: undelayed}.config},
	{offloadNoDelay, "with --offload and lastack.delayed_ack=0", host{offload: true, set: undelayed}.config},
	{lastackJumbo, "with the largest MTU", host{mtu: tun.MaxMTU}.config},
	{offloadJumbo, "with --offload and the largest MTU", host{offload: true, mtu: tun.MaxMTU}.config},
	{lastackSlow, "with lastack.msl_ms=240000, so that TIME_WAIT outlasts the run", host{set: slow}.config},
	{lastackLight, "with lastack.light=1: netstack never sees most short connections", host{set: light}.config},
	{lastackServe, "lastack serve, telling of each close", served{}.config},
}

// as is the same wire whatever its servers do.
func as(c wire.Config) func(kind) wire.Config { return func(kind) wire.Config { return c } }

func find(name string) (*subject, error) {
	var known []string
	for i := range subjects {
		if subjects[i].name == name {
			return &subjects[i], nil
		}
		known = append(known, subjects[i].name)
	}
	return nil, fmt.Errorf("bench: there is no subject %q; there are %s", name, strings.Join(known, ", "))
}
