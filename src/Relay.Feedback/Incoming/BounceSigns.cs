namespace Relay.Feedback.Incoming;

/// <summary>Tells a bounce without fields for programs from other mail: by who wrote it, how it is called and what it says.</summary>
internal static class BounceSigns
{
    private static readonly string[] Daemons =
    [
        "mailer-daemon", "mailerdaemon", "mailer_daemon", "mail-daemon", "maildaemon", "mail.daemon", "mail daemon", "mail delivery", "maildelivery", "mail administrator", "mail system", "postmaster",
        "post_master", "post-master", "poostmaster", "mmdf", "delivery subsystem", "delivery system", "system administrator", "microsoft exchange", "microsoft outlook", "bounce", "returned mail", "no-reply-mailer",
    ];

    private static readonly string[] Subjects =
    [
        "undeliver", "undelivered", "non-deliverable", "nondeliverable", "non-delivery", "nondelivery", "not deliver", "could not deliver", "couldn't deliver", "could not be delivered", "couldn't be delivered",
        "delivery failure", "delivery fail", "delivery has failed", "delivery error", "delivery problem", "delivery status", "delivery notification", "delivery report", "delivery delay", "delivery unsuccessful", "delayed mail",
        "delivery incomplete", "failure notice", "failure delivery", "failure notification", "failed mail", "mail failure", "failed to deliver", "message delivery", "mail delivery", "mail status", "mail error",
        "returned mail", "return mail", "returned to sender", "returned message", "returned email", "mail returned", "bounce", "bounced", "user unknown", "unknown user", "unable to deliver", "could not send message",
        "error sending your mail", "message you sent", "notice: mail", "warning: message", "warning: could not", "e-mail non recapit", "rejected mail", "message rejected", "mail rejected", "loop alert", "quota",
        "unzustellbar", "zustell", "nicht zugestellt", "non remis", "non distribu", "échec de", "echec de", "no se pudo entregar", "no entregado", "devuelto", "mancato recapito", "mancata consegna",
        "não entregue", "nao entregue", "falha na entrega", "onbestelbaar", "niet bezorgd", "niedostarcz", "не доставлен", "недоставлен", "не может быть доставлен", "недоставка",
        "エラーメール", "配信不能", "配信エラー", "配送エラー", "送信エラー", "送信でき", "届きませんでした", "不在", "退信", "投递失败", "无法投递", "未送达", "반송", "teslim edilemedi", "olevererbart", "kan ikke leveres",
        "no se puede entregar", "non recapitab", "não é possível entregar", "não foi possível entregar", "kan niet worden bezorgd", "nie można dostarczyć", "не удается доставить", "не удаётся доставить", "не удалось доставить",
        "kan inte levereras", "toimittaminen epäonnistui", "nedoručiteln", "kézbesíthetetlen", "nu poate fi livrat", "配達不能", "无法送达", "無法傳遞", "배달되지", "전송되지",
    ];

    // Said of mail that did not arrive, and of hardly anything else.
    private static readonly string[] Phrases =
    [
        "could not be delivered", "couldn't be delivered", "cannot be delivered", "can not be delivered", "can't be delivered", "was not delivered", "wasn't delivered", "were not delivered", "not been delivered",
        "unable to deliver", "not able to deliver", "wasn't able to deliver", "could not deliver", "couldn't deliver", "cannot deliver", "failed to deliver", "undeliverable", "undelivered", "non-deliverable",
        "delivery to the following", "delivery failed", "delivery has failed", "delivery error", "delivery failure", "delivering your mail", "delivering your message", "delivery problem", "delivery status notification",
        "did not reach", "didn't reach", "could not be sent", "couldn't be sent", "were not able to", "has been rejected", "was rejected", "had permanent fatal errors", "had delivery problems", "had delivery errors",
        "returned to sender", "did not receive this message", "送信できません", "配信できません", "送信に失敗", "配信に失敗", "无法投递", "退信", "nicht zugestellt", "не доставлен", "не может быть доставлен",
    ];

    // Enough where a daemon says it.
    private static readonly string[] Remarks =
    [
        "returning your", "following addresses failed", "following address failed", "the following address", "did not receive", "this is a permanent error", "permanent error",
        "bounce notification", "message was not", "unknown user", "user unknown", "unknown recipient", "mailbox exceeds", "mailbox full", "mailbox is full", "failed to send", "failure reasons", "error message below", "failed recipients",
        "transcript of session", "mail system", "duplicated message-id", "the group you tried to contact", "google groups", "error was encountered", "an error occurred", "is delayed", "been delayed", "still undelivered", "temporary failure report",
        "delivery attempts", "the user(s) account", "not exist", "no such user", "has been blocked", "giving up", "over quota", "quota",
        "unzustellbar", "n'a pas pu être", "n'a pas été", "impossible de", "no se pudo entregar", "no se ha podido entregar", "no pudo ser entregado", "non è stato possibile",
        "non consegnat", "não foi possível", "não pôde ser", "nie został dostarczony", "kon niet worden", "не удалось доставить", "не было доставлено", "не найден",
        "届けることができません", "配送できません", "見つかりません", "リストにありません", "存在しません", "不存在", "未能送达", "전송하지 못",
    ];

    public static bool AreIn(Letter letter)
    {
        var header = letter.Header;
        if (header.Has("X-Failed-Recipients") || letter.Status.Count > 0)
        {
            return true;
        }

        if (letter.IsReceipt)
        {
            return false;
        }

        var from = header["From"] ?? "";
        var subject = header["Subject"] ?? "";
        var says = letter.Words.ContainsAny(Phrases);
        var isCalledSo = subject.ContainsAny(Subjects);
        if (AutoReplies.IsCalledOne(subject) && !isCalledSo)
        {
            return false;
        }

        var daemon = from.Length == 0 || from.Contains("<>", StringComparison.Ordinal) || from.ContainsAny(Daemons);
        return daemon ? says || isCalledSo || letter.Words.ContainsAny(Remarks)
            : IsFromNobody(header) ? says
            : isCalledSo && !IsAnswer(subject) && (says || letter.Words.ContainsAny(Remarks));
    }

    /// <summary>News that it is still being tried.</summary>
    public static bool IsDelay(Letter letter) =>
        letter.Header["Subject"] is { } subject && subject.ContainsAny("delayed", "delay)", "still being retried", "warning: could not send", "warning: message", "(delay", "verzögert", "retard")
            || letter.Words.ContainsAny(
                "this is a warning message only", "you do not need to resend", "temporary failure report", "has not been delivered yet", "will be retried for", "will retry for", "still undelivered after", "no action is required on your part",
                "delivery attempts will continue", "message will be retried");

    // A person who quotes a bounce to somebody.
    private static bool IsAnswer(string subject) => subject.StartsWithAny("re:", "fw:", "fwd:", "aw:", "wg:", "tr:", "rv:");

    private static bool IsFromNobody(FieldList header) => header["Return-Path"] is { } path && path.Trim() is "<>" or "" or "<MAILER-DAEMON>";
}
