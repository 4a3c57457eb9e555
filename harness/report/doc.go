// Package report makes documents of what experiments came to: a page for a
// browser, and Markdown with Mermaid diagrams.
//
//	experiments and results --HTML------> one page that needs no network and no script
//	                        --Markdown--> text for a README or an issue
//
// The page has what failed first and open; what passed is folded. Its pictures
// and diagrams are package ladder's. It follows the reader's preference for dark
// or light, and unfolds itself on paper.
//
// Names, questions and whatever else comes from files or programs is escaped. The
// same results give the same bytes.
package report
