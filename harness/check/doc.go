// Package check holds what came of checks of somebody's program: a verdict for each, what
// was seen, what that breaks for applications, and the connections that show it.
//
//	package proxy    one program between a client and a server  --+
//	package service  a service that listens somewhere           --+--> []Check --> Text, JSON, HTML
//
// It decides nothing itself and makes no connections. What Check.How quotes of a peer or a
// program is escaped when it is printed.
package check
