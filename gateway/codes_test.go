package gateway

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// codesSeen are the codes that a running server has answered in this run of the tests, wherever in a body.
type codesSeen struct {
	mu  sync.Mutex
	all map[string]bool
}

// seen is filled by every answer that any test of the package reads.
var seen = codesSeen{all: make(map[string]bool)}

func (c *codesSeen) note(v any) {
	switch v := v.(type) {
	case obj:
		for name, inner := range v {
			if text, ok := inner.(string); ok && (name == "code" || name == "rule") {
				c.mu.Lock()
				c.all[text] = true
				c.mu.Unlock()
			}
			c.note(inner)
		}
	case []any:
		for _, inner := range v {
			c.note(inner)
		}
	}
}

// unanswered are the codes that no request can bring about by itself, each with what does.
func unanswered() map[string]string {
	return map[string]string{}
}

// TestMain runs the tests, and when all of them ran and were good looks whether every code of the contract
// was answered by a running server on the way: one that no request can reach does not belong there.
func TestMain(m *testing.M) {
	result := m.Run()
	whole := true
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		whole = whole && flag.Lookup(name).Value.String() == ""
	}
	if result == 0 && whole {
		if missing := codesMissing(); len(missing) > 0 {
			fmt.Printf("no test made a running server answer these codes of the contract: %q\n", missing)
			result = 1
		}
	}
	os.Exit(result)
}

func codesMissing() (missing []string) {
	doc, err := openapi3.NewLoader().LoadFromData(contractBytes())
	if err != nil {
		return []string{err.Error()}
	}
	known := map[string]bool{}
	for _, v := range doc.Components.Schemas["ErrorCode"].Value.Enum {
		known[v.(string)] = true
	}
	for code := range unanswered() {
		if !known[code] {
			missing = append(missing, code+" (explained, but not in the contract)")
		}
	}
	for _, code := range slices.Sorted(maps.Keys(known)) {
		if _, explained := unanswered()[code]; !explained && !seen.all[code] {
			missing = append(missing, code)
		}
	}
	return missing
}
