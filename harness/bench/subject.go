package bench

import (
	"fmt"
	"strings"

	"lastack/stack/tunable"
	"lastack/tun"
)

// subject is something that is compared.
type subject struct {
	name  string
	about string
	raise func(*ground) error
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
	lastackServe   = "serve"
)

var undelayed = map[tunable.ID]int64{tunable.DelayedACK: 0}

var subjects = []subject{
	{veth, "the kernel over a virtual cable", raiseVeth},
	{throughForward, "the kernel behind two TUNs that a loop joins: the floor", raiseForwarder(false)},
	{throughOffload, "the same with segmentation offload", raiseForwarder(true)},
	{plain, "gVisor's netstack on fdbased, as its examples have it", raiseGVisor},
	{lastack, "lastack as a library", raiseHost(hostConfig{})},
	{lastackOffload, "with --offload", raiseHost(hostConfig{offload: true})},
	{lastackTraced, "with every segment recorded", raiseHost(hostConfig{traced: true})},
	{lastackNoDelay, "with lastack.delayed_ack=0", raiseHost(hostConfig{set: undelayed})},
	{offloadNoDelay, "with --offload and lastack.delayed_ack=0", raiseHost(hostConfig{offload: true, set: undelayed})},
	{lastackJumbo, "with the largest MTU", raiseHost(hostConfig{mtu: tun.MaxMTU})},
	{offloadJumbo, "with --offload and the largest MTU", raiseHost(hostConfig{offload: true, mtu: tun.MaxMTU})},
	{lastackSlow, "with lastack.msl_ms=240000, so that TIME_WAIT outlasts the run", raiseHost(hostConfig{set: map[tunable.ID]int64{tunable.MSLms: 240_000}})},
	{lastackServe, "lastack serve, telling of each close", raiseServe},
}

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
