using System.Text;

namespace Relay.Benchmarks;

/// <summary>The mail the benchmarks work on: an order confirmation of the usual size.</summary>
internal static class Mails
{
    private const string Header =
        "From: Shop <orders@sender.test>\r\nTo: <a@d0000.load.test>\r\nSubject: Your order has been shipped\r\n"
        + "Date: Mon, 02 Mar 2026 09:30:00 +0000\r\nMessage-ID: <1@sender.test>\r\nMIME-Version: 1.0\r\n"
        + "List-Unsubscribe: <https://sender.test/u/1>,\r\n <mailto:u@sender.test>\r\n"
        + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n";

    private const string Line = "Thank you for your order, it has been shipped and will arrive on Tuesday.\r\n";

    /// <param name="dotted">Every tenth line begins with a dot, which the wire doubles.</param>
    public static byte[] Content(int size, bool dotted = false)
    {
        var text = new StringBuilder(Header).Append("\r\n");
        for (var line = 0; text.Length < size; line++)
        {
            text.Append(dotted && line % 10 == 0 ? "." : "").Append(Line);
        }

        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>The same as it comes behind DATA: dots doubled and the final one at the end.</summary>
    public static byte[] Data(int size, bool dotted) =>
        Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(Content(size, dotted)).Replace("\n.", "\n..") + ".\r\n");
}
