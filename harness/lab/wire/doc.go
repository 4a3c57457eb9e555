// Package wire raises a wire with a subject at its far end, from a description,
// and takes it down again:
//
//	near end: a kernel                              far end: the subject
//	+---------------------+                       +----------------------+
//	|  clients, captures  |                       |  servers             |
//	|  NearAddr      Link ==== Join, or nothing === FarLink     FarAddr  |
//	+---------------------+                       +----------------------+
//	  the current namespace,                        a namespace (Kernel), or
//	  or one of its own (Apart)                     this process (Lastack, GVisor), or
//	                                                a program of its own (Program)
//
// An example:
//
//	w, err := wire.Raise(ctx, wire.Config{
//		Link: "lastack0", NearAddr: netip.MustParsePrefix("10.77.0.1/24"), FarAddr: netip.MustParseAddr("10.77.0.2"),
//		Subject: wire.Lastack{},
//	})
//	if err != nil { ... }
//	defer func() { err = errors.Join(err, w.Close()) }()
//	err = w.Serve(w.Far, app.Spec{Port: 7, Kind: "echo"})
//
// Where the far end is a kernel too, the link is a virtual cable, or, where segments are
// to be tapped or impaired on their way, two TUN devices that lastack's close path joins
// (package forward). Config may join two devices in other ways.Join.
//
// Raise must be called inside a lab (package lab). The package makes no load and
// captures nothing: a capture is opened on Link, within Near.Do.
package wire
