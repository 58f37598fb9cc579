using Relay.Smtp.Addresses;
using Relay.Smtp.Replies;

namespace Relay.Smtp.Commands;

/// <summary>One command of a client, read and checked as far as its own text goes.</summary>
public abstract record SmtpCommand
{
    private SmtpCommand(SmtpVerb verb) => Verb = verb;

    public SmtpVerb Verb { get; }

    /// <summary>EHLO or HELO. The name is whatever the client said; some say nonsense and must be served (RFC 5321, 4.1.4).</summary>
    public sealed record Hello : SmtpCommand
    {
        public Hello(string name, bool extended)
            : base(extended ? SmtpVerb.Ehlo : SmtpVerb.Helo) => Name = name;

        public string Name { get; }
    }

    /// <summary>A command that is its verb alone: STARTTLS, DATA, RSET, NOOP, VRFY, HELP, QUIT.</summary>
    public sealed record Plain : SmtpCommand
    {
        public static readonly Plain StartTls = new(SmtpVerb.StartTls);
        public static readonly Plain Data = new(SmtpVerb.Data);
        public static readonly Plain Rset = new(SmtpVerb.Rset);
        public static readonly Plain Noop = new(SmtpVerb.Noop);
        public static readonly Plain Vrfy = new(SmtpVerb.Vrfy);
        public static readonly Plain Help = new(SmtpVerb.Help);
        public static readonly Plain Quit = new(SmtpVerb.Quit);

        private Plain(SmtpVerb verb)
            : base(verb)
        {
        }
    }

    /// <summary>AUTH. The initial response is a secret: it is in no text made of this value.</summary>
    public sealed record Auth : SmtpCommand
    {
        public Auth(string mechanism, byte[]? initialResponse)
            : base(SmtpVerb.Auth)
        {
            Mechanism = mechanism;
            InitialResponse = initialResponse;
        }

        /// <summary>Upper case.</summary>
        public string Mechanism { get; }

        /// <summary>As it came, in base64 or <c>=</c> for an empty one; null when the server is to ask (RFC 4954, 4).</summary>
        public byte[]? InitialResponse { get; }

        public override string ToString() => $"AUTH {Mechanism}";
    }

    public sealed record Mail : SmtpCommand
    {
        public Mail()
            : base(SmtpVerb.Mail)
        {
        }

        /// <summary>The reverse-path; null is the empty one, <c>&lt;&gt;</c>.</summary>
        public EnvelopeAddress? Sender { get; init; }

        /// <summary>SIZE= (RFC 1870), 0 when it was not given; a number too large for us is <see cref="long.MaxValue"/>.</summary>
        public long DeclaredOctets { get; init; }

        public bool EightBitMime { get; init; }
        public bool SmtpUtf8 { get; init; }

        /// <summary>REQUIRETLS (RFC 8689, 2): it means something only where the session is under TLS.</summary>
        public bool RequireTls { get; init; }

        public ReturnOption Return { get; init; }

        /// <summary>ENVID=, decoded; null when it was not given (RFC 3461, 4.4).</summary>
        public string? EnvelopeId { get; init; }
    }

    public sealed record Rcpt : SmtpCommand
    {
        public Rcpt()
            : base(SmtpVerb.Rcpt)
        {
        }

        public required EnvelopeAddress Recipient { get; init; }

        /// <summary>NOTIFY=; null when it was not given (RFC 3461, 4.1).</summary>
        public NotifyOption? Notify { get; init; }

        /// <summary>ORCPT= with its address type, decoded; null when it was not given (RFC 3461, 4.2).</summary>
        public string? OriginalRecipient { get; init; }
    }

    /// <summary>BDAT: so many octets follow the command at once (RFC 3030, 2). A size too large for us is <see cref="long.MaxValue"/>.</summary>
    public sealed record Bdat : SmtpCommand
    {
        public Bdat(long octets, bool isLast)
            : base(SmtpVerb.Bdat)
        {
            Octets = octets;
            IsLast = isLast;
        }

        public long Octets { get; }
        public bool IsLast { get; }
    }

    /// <summary>Not a command, or one whose arguments are wrong; the reply says which.</summary>
    public sealed record Malformed : SmtpCommand
    {
        public Malformed(SmtpVerb verb, SmtpReply reply)
            : base(verb) => Reply = reply;

        public SmtpReply Reply { get; }
    }
}

/// <summary>RET= of MAIL (RFC 3461, 4.3).</summary>
public enum ReturnOption
{
    Unspecified,
    Full,
    Headers,
}

/// <summary>NOTIFY= of RCPT (RFC 3461, 4.1).</summary>
[Flags]
public enum NotifyOption
{
    Never = 0,
    Success = 1,
    Failure = 2,
    Delay = 4,
}
