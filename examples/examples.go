// Package examples holds example data inside the binary, so that a demo needs no file beside it.
package examples

import "embed"

// Rates names the ECB's euro reference rates of 13 March 2026 in Files: real figures of a day gone by,
// to price a demo with.
const Rates = "rates/eurofxref-2026-03-13.xml"

// Network names the demonstration network in Files.
const Network = "network.yaml"

// Files has the example data under the names that it has in the repository's folder examples.
//
//go:embed rates network.yaml
var Files embed.FS
