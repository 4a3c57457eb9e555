// Package explained makes a page of what a capture came to: findings with the connections
// that show them, closes over time, causes, and the groups by server.
//
//	explain.Summary, and the connections of Analysis.Draw --HTML--> one file
//
// The page needs no network and no script. All text from the capture, or from the name of
// a file, is escaped.
package explained
