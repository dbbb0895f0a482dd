// Command gen reads ISO 20022 schemas and writes the element table of package iso20022.
//
// It promises one line per type, a type once however many messages share it, the same bytes for the
// same schemas, and an error, never a guess, for any schema construct the table cannot hold.
//
//	go run ./internal/gen -schemas DIR -out schema_gen.go
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	dir := flag.String("schemas", "", "folder with the .xsd files")
	out := flag.String("out", "schema_gen.go", "file to write")
	flag.Parse()
	if *dir == "" {
		fmt.Fprintln(os.Stderr, "SKIPPED: the schemas are not ours to ship; set ISO20022_XSD to their folder to make the table again")
		return
	}
	if err := generate(*dir, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func generate(dir, out string) error {
	source, err := Generate(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(out, source, 0o644)
}
