// Package programs tries what is said about applications with real ones: servers
// whose exception path never closes, a pool of connections to MariaDB, pools of
// HTTP connections. It counts the sockets that they leave behind.
//
//	Run --+-- Leaks:    our clients       -- Python, Java, Go on the kernel's sockets
//	      +-- Database: Commons DBCP      -- MariaDB, over loopback
//	      +-- Pools:    Go, Apache, Java  -- Go's net/http on the kernel or on lastack
//
// The programs in src are run by the interpreters that the machine has. What is
// not installed is skipped, and the result says so with the packages' names; what
// Go does is done in this process and always there.
//
// Run must be called inside a lab (package lab). The package judges nothing: that
// is package claims's.
package programs
