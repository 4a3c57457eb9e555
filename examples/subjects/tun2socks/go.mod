// A module of its own: tun2socks does not build with the gVisor of the others.
module lastack/examples/subjects/tun2socks

go 1.26.3

require (
	github.com/xjasonlyu/tun2socks/v2 v2.6.0
	lastack/examples v0.0.0
)

require (
	github.com/google/btree v1.1.3 // indirect
	golang.org/x/net v0.56.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/time v0.15.0 // indirect
	golang.zx2c4.com/wintun v0.0.0-20230126152724-0fa3db229ce2 // indirect
	golang.zx2c4.com/wireguard v0.0.0-20260522210424-ecfc5a8d5446 // indirect
	gvisor.dev/gvisor v0.0.0-20260905035102-160fafc42237 // indirect
	lastack v0.0.0 // indirect
)

replace (
	gvisor.dev/gvisor => gvisor.dev/gvisor v0.0.0-20250523182742-eede7a881b20
	lastack => ../../../
	lastack/examples => ../../
)
