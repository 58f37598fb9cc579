using Relay.Mail.Messages;

namespace Relay.Mail.Queue;

/// <summary>Where units wait for their turn: one account's mail of one class to one domain, <c>&lt;domain&gt;|&lt;account&gt;|&lt;class&gt;</c>.</summary>
public readonly record struct Lane(string Domain, string Account, MessageClass Class)
{
    public static Lane Of(Message message, string domain) => new(domain, message.Account, message.Class);

    public static bool TryParse(string? text, out Lane lane)
    {
        lane = default;
        if (text?.Split('|') is not [var domain, var account, var word] || ClassOf(word) is not { } @class)
        {
            return false;
        }

        lane = new Lane(domain, account, @class);
        return true;
    }

    public override string ToString() => $"{Domain}|{Account}|{WordOf(Class)}";

    private static string WordOf(MessageClass @class) => @class switch
    {
        MessageClass.Bulk => "b",
        MessageClass.Inbound => "i",
        _ => "t",
    };

    private static MessageClass? ClassOf(string word) => word switch
    {
        "t" => MessageClass.Transactional,
        "b" => MessageClass.Bulk,
        "i" => MessageClass.Inbound,
        _ => null,
    };
}
