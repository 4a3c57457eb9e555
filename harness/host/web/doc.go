// Package web is a running host as a page for a browser: connections as they open and close,
// their ladders and states, switches, and things to do.
//
//	trace.Item --Board.Add--> Board --every 100 ms--> server-sent events --> the page
//	control.Handler ----------------------------------> /v1/...
//	Actions, Lessons ---------------------------------> POST, one at a time
//
// The page, its script, its style and its texts are embedded, and load nothing from
// elsewhere; the texts are one file a language in assets, of which TestCatalogues compares
// the keys.
//
// # Who may look
//
// Whoever can reach the address can send requests, a page of somebody else's in the
// same browser included. So every request needs the token of the printed URL, or the cookie
// that this URL sets (HttpOnly, SameSite=Strict); its Host must be an address or
// localhost, which no name rebound to it is; and what changes something must come from
// this origin. There is no TLS: the address is a loopback one unless somebody asks for
// another.
//
// # What is bounded
//
// Connections (open ones and those remembered), packets kept for the export,
// requests and streams at once, bodies, what a client program prints. Past a bound the oldest is
// forgotten, or the request refused.
package web
