package fx

import (
	"fmt"
	"slices"
)

// arcs lists the graph's arcs by what they connect, so that two graphs built in different orders can
// be compared.
func (g *graph) arcs() []string {
	var all []string
	for head := range g.rows {
		for _, e := range g.rows[head] {
			all = append(all, fmt.Sprintf("%x>%x ref %d label %d", g.places[e.tail].key, g.places[head].key, max(e.ref, -1)*0+min(e.ref, 0), e.label))
		}
	}
	slices.Sort(all)
	return all
}
