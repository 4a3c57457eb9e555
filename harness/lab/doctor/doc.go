// Package doctor finds out what this machine can and cannot do for lastack, by trying it,
// and says how to fix what fails. It wraps packages lab, tun and capture, whose errors it
// turns into a table.
//
//	Run -- on the machine itself: kernel, /dev/net/tun, namespaces, programs
//	    -- in a lab of its own, which is this program started again:
//	         Probe: TUN device, packet socket, socket states, veth, IPv6, tcpdump
//	Render, or encoding/json  -->  the user
//
// The program that calls Run is started again by it, and calls Probe then:
//
//	if lab.Inside() {
//		return doctor.Probe(ctx, os.Stdout)
//	}
//	checks := doctor.Run(ctx, doctor.Options{})
//	if err := doctor.Render(os.Stdout, checks); err != nil {
//		return err
//	}
//	if len(doctor.Lacking(checks)) > 0 {
//		os.Exit(3)
//	}
//
// Everything is made in the lab and ends with it: no interface, process or file
// is left behind, and no setting of the machine is changed.
//
// # What it does not do
//
// It fixes nothing itself. It measures no performance, and it does not check lastack: a
// machine on which everything is "ok" may still see an experiment fail.
package doctor
