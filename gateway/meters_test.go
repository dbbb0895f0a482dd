package gateway

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Each metric that the dashboard asks for is one that a gateway tells, with the labels it is asked by.
func TestDashboardNamesMetrics(t *testing.T) {
	r := newRig(t)
	r.market()
	r.config.Meters.Stage("notified", time.Millisecond) // by a delivery, which webhooks_test.go makes
	told := string(r.must(200, r.do("GET", "/metrics", "", nil)).body)
	text, err := os.ReadFile("../docs/grafana.json")
	r.ok(err)
	var dashboard any
	r.ok(json.Unmarshal(text, &dashboard))
	var queries []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case obj:
			if q, ok := v["expr"].(string); ok {
				queries = append(queries, q)
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(dashboard)
	metric := regexp.MustCompile(`\b(?:viaduct|process|go)_[a-z_]+(?:\{[^}]*\})?`)
	label := regexp.MustCompile(`(\w+)="(\w+)"`)
	grouped := regexp.MustCompile(`by \(([^)]*)\)`)
	for _, q := range queries {
		named := metric.FindAllString(q, -1)
		if len(named) == 0 {
			t.Errorf("%s: no metric of ours", q)
		}
		for _, m := range named {
			name, selector, _ := strings.Cut(m, "{")
			var line string
			for one := range strings.Lines(told) {
				fits := strings.HasPrefix(one, name+"{") || strings.HasPrefix(one, name+" ")
				for _, l := range label.FindAllString(selector, -1) {
					fits = fits && strings.Contains(one, l)
				}
				if fits {
					line = one
				}
			}
			if line == "" {
				t.Errorf("%s: the gateway tells no %s", q, m)
				continue
			}
			for _, by := range grouped.FindAllStringSubmatch(q, -1) {
				for _, one := range strings.Split(by[1], ",") {
					if !strings.Contains(line, strings.TrimSpace(one)+`="`) {
						t.Errorf("%s: %s has no label %s", q, name, one)
					}
				}
			}
		}
	}
	if len(queries) < 10 {
		t.Errorf("%d queries found, want those of all panels", len(queries))
	}
}
