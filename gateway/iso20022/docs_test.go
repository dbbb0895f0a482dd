package iso20022

import (
	"os"
	"strings"
	"testing"
)

// TestDocs keeps docs/iso20022.md true: every message, rule and profile has its place there.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/iso20022.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	var names []string
	for _, s := range append(generatedSchemas[:len(generatedSchemas):len(generatedSchemas)], writtenSchemas...) {
		names = append(names, s.id)
	}
	for _, r := range rules {
		names = append(names, "`"+r.id+"`")
	}
	for id := range schemaReasons {
		names = append(names, "`"+id+"`")
	}
	for id := range viewReasons {
		names = append(names, "`"+id+"`")
	}
	for _, p := range profileNames {
		names = append(names, "`"+p+"`")
	}
	for _, name := range names {
		if !strings.Contains(page, name) {
			t.Errorf("docs/iso20022.md does not speak of %s", name)
		}
	}
}
