// Command interop has code of others verify what @verdict/tlog writes: it says `ok` only then.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	f_log "github.com/transparency-dev/formats/log"
	f_note "github.com/transparency-dev/formats/note"
	f_proof "github.com/transparency-dev/formats/proof"
	f_witness "github.com/transparency-dev/formats/witness"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// A damaged log can make fsck wait for ever, and a log waits for witnesses as long: many workers
// help the one, and a deadline ends both.
const workers, deadline = 16, 20 * time.Second

var hasher, commands = rfc6962.DefaultHasher, map[string]func(args []string) error{
	"log": checkLog, "receipt": checkReceipt, "quorum": checkQuorum, "cosign": cosign,
	"witnessed": growWitnessed}

func main() {
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

// checkLog <folder or URL> <vkey> computes all tiles and the root of a log from its entries.
func checkLog(args []string) error {
	verifier, err := f_note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	files, err := fetcherOf(args[0])
	if err != nil {
		return err
	}
	checked := make(chan error, 1)
	check := fsck.New(verifier.Name(), verifier, files, hashBundle, fsck.Opts{N: workers})
	go func() { checked <- check.Check(context.Background()) }()
	select {
	case err = <-checked:
		return err
	case <-time.After(deadline):
		return errors.New("fsck did not end")
	}
}

func fetcherOf(place string) (fsck.Fetcher, error) {
	if root, err := url.Parse(place); err == nil && root.Scheme != "" {
		return client.NewHTTPFetcher(root, nil)
	}
	return &client.FileFetcher{Root: place}, nil
}

func hashBundle(bytes []byte) (hashes [][]byte, err error) {
	bundle := &api.EntryBundle{}
	err = bundle.UnmarshalText(bytes)
	for _, entry := range bundle.Entries {
		hashes = append(hashes, hasher.HashLeaf(entry))
	}
	return hashes, err
}

// checkReceipt <receipt> <entry> <vkey> verifies a tlog-proof against the key of the log.
func checkReceipt(args []string) error {
	var receipt f_proof.TLogProof
	verifier, err := f_note.NewVerifier(args[2])
	if err = errors.Join(err, receipt.Unmarshal([]byte(args[0]))); err != nil {
		return err
	}
	head, _, _, err := f_log.ParseCheckpoint(receipt.Checkpoint, verifier.Name(), verifier)
	if err != nil {
		return err
	}
	var hashes [][]byte
	for _, hash := range receipt.Hashes {
		hashes = append(hashes, hash[:])
	}
	index, leaf := receipt.Index, hasher.HashLeaf([]byte(args[1]))
	return proof.VerifyInclusion(hasher, index, head.Size, leaf, hashes, head.Hash)
}

// checkQuorum <policy> <checkpoint> asks whether enough witnesses have signed.
func checkQuorum(args []string) error {
	group, err := f_witness.ParsePolicy([]byte(args[0]))
	if err == nil && !group.Satisfied([]byte(args[1])) {
		return errors.New("no quorum")
	}
	return err
}

// cosign <text> <signer key> prints a checkpoint with a cosignature that Go makes.
func cosign(args []string) error {
	signer, err := f_note.NewSignerForCosignatureV1(args[1])
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: args[0]}, signer)
	fmt.Print(string(signed))
	return err
}

// witnessed <folder> <signer key> <policy> <entry>... has a log of Tessera grow by one entry after
// another, each in a checkpoint that it publishes only after the witnesses of the policy signed.
func growWitnessed(args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	signer, noSigner := note.NewSigner(args[1])
	group, noPolicy := tessera.NewWitnessGroupFromPolicy([]byte(args[2]))
	driver, noDriver := posix.New(ctx, posix.Config{Path: args[0]})
	if err := errors.Join(noSigner, noPolicy, noDriver); err != nil {
		return err
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithWitnesses(group, nil).
		WithBatching(1, time.Millisecond).WithCheckpointInterval(100 * time.Millisecond)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	published := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 20*time.Millisecond)
	var checkpoint []byte
	for _, entry := range args[3:] {
		added := appender.Add(ctx, tessera.NewEntry([]byte(entry)))
		if _, checkpoint, err = published.Await(ctx, added); err != nil {
			return err
		}
	}
	fmt.Print(string(checkpoint))
	return shutdown(ctx)
}
