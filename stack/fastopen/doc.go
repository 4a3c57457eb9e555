// Package fastopen is what TCP Fast Open (RFC 7413) has to remember: the keys of the
// cookies that a server gives out, and the cookies that a client was given.
//
//	Keyring     server: makes cookies, and recognises good ones; keys change
//	Cache       client: cookie and MSS of each destination, bounded
//	Blackhole   client: a pause for all after a path swallowed a connection
//
// It knows nothing of segments on their way; package closepath puts cookies and
// data where they belong. Times are durations on the caller's clock, and everything
// may be called from any goroutine.
package fastopen
