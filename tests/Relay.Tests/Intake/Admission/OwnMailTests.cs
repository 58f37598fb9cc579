using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Intake.Admission;
using Relay.Mail.Accounts;
using Relay.Mail.Messages;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Intake.Admission;

/// <summary>What the relay writes itself goes through the gate as everybody's mail does.</summary>
public sealed class OwnMailTests
{
    private static readonly OwnMail Report = new(
        EnvelopeAddress.Parse("tls-reports@shop.test"),
        EnvelopeAddress.Parse("a@x.test"),
        Encoding.ASCII.GetBytes("From: tls-reports@shop.test\r\nTLS-Required: No\r\nSubject: Report\r\n\r\nbody\r\n"),
        "tlsrpt:1");

    [Fact]
    public async Task It_is_signed_where_its_domain_has_keys_and_goes_where_TLS_is_broken()
    {
        using var gate = new GateUnderTest();
        await SigningTests.AddAsync(gate, Account.Default, seen: true, SendingDomainStatus.Verified);

        Assert.True(await GateOf(gate).TrySendAsync(Report, GateUnderTest.Cancellation));

        var message = Assert.Single(gate.Queue.Accepted);
        Assert.StartsWith("DKIM-Signature: v=1; a=rsa-sha256;", GateUnderTest.TextOf(message.Content.Prologue), StringComparison.Ordinal);
        Assert.Equal((TlsDemand.Waived, MessageSource.Report, Account.Default), (message.Envelope.Tls, message.Source, message.Account));
    }

    [Fact]
    public async Task It_needs_no_verified_domain_and_is_accepted_once()
    {
        using var gate = new GateUnderTest();
        var own = GateOf(gate);

        Assert.True(await own.TrySendAsync(Report, GateUnderTest.Cancellation));
        Assert.True(await own.TrySendAsync(Report, GateUnderTest.Cancellation));

        Assert.Single(gate.Queue.Accepted);
    }

    private static OwnMailGate GateOf(GateUnderTest gate) => new(gate.Gate, gate.Time, NullLogger<OwnMailGate>.Instance);
}
