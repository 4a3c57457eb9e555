// Package report makes documents of what experiments and claims came to: pages for
// a browser, and Markdown with Mermaid diagrams.
//
//	experiments and results --HTML------> one page that needs no network and no script
//	                        --Markdown--> text for a README or an issue
//	claims.Report           --Claims----> a page like the first
//
// Package page holds what all pages share; package explained makes that of a capture.
//
// A page has what is not as expected first and open; the rest is folded. Pictures
// and diagrams are package ladder's. A page follows the reader's preference for
// dark or light, and unfolds itself on paper.
//
// Names, questions and whatever else comes from files or programs is escaped. The
// same results give the same bytes.
package report
