// Package suite runs many packetdrill scripts, one or several at a time, each on a subject of
// its own, and reports what came of them: as text, as TAP, as JUnit's XML, as a capture.
//
// Differences that are known, and why, stand in a file (Known): a suite is green if exactly
// those scripts fail.
package suite
