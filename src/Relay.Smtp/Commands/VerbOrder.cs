namespace Relay.Smtp.Commands;

/// <summary>How far the dialogue has come, as far as it matters for what may be said next.</summary>
public enum DialogueState
{
    /// <summary>Nothing was said yet, or nothing that survived the TLS handshake.</summary>
    Connected,

    /// <summary>EHLO was said, and a login is still owed.</summary>
    Greeted,

    /// <summary>No transaction is open.</summary>
    Ready,

    /// <summary>MAIL was taken; no recipient yet.</summary>
    Sender,

    /// <summary>At least one RCPT was taken.</summary>
    Recipients,

    /// <summary>At least one BDAT was taken, and not the last.</summary>
    Chunks,

    /// <summary>A BDAT was refused: what belongs to it is discarded until RSET (RFC 3030, 2).</summary>
    ChunkRefused,
}

/// <summary>Whether it is a command's turn, and if not, what stands in its way.</summary>
public enum Turn
{
    Yes,
    HelloFirst,
    LoginFirst,
    LoggedInAlready,
    SenderFirst,
    SenderAlready,
    RecipientFirst,
    LastChunkFirst,
    ResetFirst,
}

/// <summary>Which command may come when (RFC 5321, 4.1.4; RFC 4954, 4; RFC 3030, 2).</summary>
public static class VerbOrder
{
    private static readonly Turn[,] Turns =
    {
        //             Connected         Greeted          Ready                 Sender                Recipients            Chunks                ChunkRefused
        /* other    */ { Turn.Yes,        Turn.Yes,        Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes },
        /* HELO     */ { Turn.Yes,        Turn.Yes,        Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes },
        /* EHLO     */ { Turn.Yes,        Turn.Yes,        Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes },
        /* STARTTLS */ { Turn.HelloFirst, Turn.Yes,        Turn.Yes,             Turn.SenderAlready,   Turn.SenderAlready,   Turn.LastChunkFirst,  Turn.ResetFirst },
        /* AUTH     */ { Turn.HelloFirst, Turn.Yes,        Turn.LoggedInAlready, Turn.LoggedInAlready, Turn.LoggedInAlready, Turn.LoggedInAlready, Turn.LoggedInAlready },
        /* MAIL     */ { Turn.HelloFirst, Turn.LoginFirst, Turn.Yes,             Turn.SenderAlready,   Turn.SenderAlready,   Turn.LastChunkFirst,  Turn.ResetFirst },
        /* RCPT     */ { Turn.HelloFirst, Turn.LoginFirst, Turn.SenderFirst,     Turn.Yes,             Turn.Yes,             Turn.LastChunkFirst,  Turn.ResetFirst },
        /* DATA     */ { Turn.HelloFirst, Turn.LoginFirst, Turn.SenderFirst,     Turn.RecipientFirst,  Turn.Yes,             Turn.LastChunkFirst,  Turn.ResetFirst },
        /* BDAT     */ { Turn.HelloFirst, Turn.LoginFirst, Turn.SenderFirst,     Turn.RecipientFirst,  Turn.Yes,             Turn.Yes,             Turn.ResetFirst },
        /* RSET     */ { Turn.Yes,        Turn.Yes,        Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes },
        /* NOOP     */ { Turn.Yes,        Turn.Yes,        Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes },
        /* VRFY     */ { Turn.Yes,        Turn.Yes,        Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes },
        /* HELP     */ { Turn.Yes,        Turn.Yes,        Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes },
        /* QUIT     */ { Turn.Yes,        Turn.Yes,        Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes,             Turn.Yes },
    };

    public static Turn TurnOf(SmtpVerb verb, DialogueState state) => Turns[(int)verb, (int)state];
}
