package main

import (
	"context"
	"errors"
	"strings"

	"github.com/hyperledger/fabric-sdk-go/pkg/common/errors/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/pipe"
)

// explain finds the kind of an error of the SDK or of gRPC.
func (c *client) explain(err error) *pipe.Error {
	var known *pipe.Error
	if errors.As(err, &known) {
		return known
	}
	e := &pipe.Error{Message: err.Error()}
	code := codes.Unknown
	if s, ok := status.FromError(err); ok {
		switch s.Group {
		case status.ChaincodeStatus:
			e.Message = s.Message
			if s.Code != internal {
				e.Kind, e.Status = pipe.Refused, int(s.Code)
				return e
			}
		case status.GRPCTransportStatus:
			e.Message = s.Message
			code = codes.Code(s.Code)
		}
	} else if s, ok := grpcstatus.FromError(err); ok {
		e.Message = s.Message()
		code = s.Code()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		code = codes.DeadlineExceeded
	}
	switch code {
	case codes.Unavailable, codes.DeadlineExceeded:
		e.Kind = pipe.Unavailable
	case codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument:
		e.Kind = pipe.Final
	}
	if strings.Contains(err.Error(), "access denied") {
		e.Kind = pipe.Final
	}
	return e
}

// internal is the status of a chaincode, or its peer, that has failed.
const internal = 500

// joined makes one error of several: of the kind of the last.
func joined(errs []error) *pipe.Error {
	var e pipe.Error
	var says []string
	for _, err := range errs {
		var known *pipe.Error
		if errors.As(err, &known) {
			e.Kind = known.Kind
		}
		says = append(says, err.Error())
	}
	e.Message = strings.Join(says, "; ")
	return &e
}
