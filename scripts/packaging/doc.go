// Package packaging has no code: beside it is what scripts/package puts together, and the tests
// that build it twice, install it, run it and take it away again.
//
//	nfpm.yaml    what is in the deb and the rpm
//	systemd/     the exporter's unit, its options, and drop-ins that give it capabilities
//	deb/, rpm/   what runs when a package comes and goes
//	container/   the image
//	kubernetes/  the exporter on each node
//
// It is a module of its own, so that the program needs none of what packs it.
package packaging
