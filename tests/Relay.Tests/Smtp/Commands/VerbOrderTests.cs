using Relay.Smtp.Commands;

namespace Relay.Tests.Smtp.Commands;

public sealed class VerbOrderTests
{
    [Fact]
    public void Every_verb_has_its_turn_or_a_reason_in_every_state()
    {
        foreach (var verb in Enum.GetValues<SmtpVerb>())
        {
            foreach (var state in Enum.GetValues<DialogueState>())
            {
                Assert.True(Enum.IsDefined(VerbOrder.TurnOf(verb, state)));
            }
        }
    }

    [Theory]
    [InlineData(SmtpVerb.Ehlo)]
    [InlineData(SmtpVerb.Helo)]
    [InlineData(SmtpVerb.Rset)]
    [InlineData(SmtpVerb.Noop)]
    [InlineData(SmtpVerb.Vrfy)]
    [InlineData(SmtpVerb.Help)]
    [InlineData(SmtpVerb.Quit)]
    public void Some_verbs_are_always_welcome(SmtpVerb verb) =>
        Assert.All(Enum.GetValues<DialogueState>(), state => Assert.Equal(Turn.Yes, VerbOrder.TurnOf(verb, state)));

    [Theory]
    [InlineData(DialogueState.Connected, SmtpVerb.Mail, Turn.HelloFirst)]
    [InlineData(DialogueState.Greeted, SmtpVerb.Mail, Turn.LoginFirst)]
    [InlineData(DialogueState.Greeted, SmtpVerb.Auth, Turn.Yes)]
    [InlineData(DialogueState.Ready, SmtpVerb.Auth, Turn.LoggedInAlready)]
    [InlineData(DialogueState.Ready, SmtpVerb.Mail, Turn.Yes)]
    [InlineData(DialogueState.Ready, SmtpVerb.Rcpt, Turn.SenderFirst)]
    [InlineData(DialogueState.Sender, SmtpVerb.Data, Turn.RecipientFirst)]
    [InlineData(DialogueState.Sender, SmtpVerb.Mail, Turn.SenderAlready)]
    [InlineData(DialogueState.Recipients, SmtpVerb.Data, Turn.Yes)]
    [InlineData(DialogueState.Recipients, SmtpVerb.Bdat, Turn.Yes)]
    [InlineData(DialogueState.Chunks, SmtpVerb.Bdat, Turn.Yes)]
    [InlineData(DialogueState.Chunks, SmtpVerb.Data, Turn.LastChunkFirst)]
    [InlineData(DialogueState.ChunkRefused, SmtpVerb.Bdat, Turn.ResetFirst)]
    [InlineData(DialogueState.ChunkRefused, SmtpVerb.Mail, Turn.ResetFirst)]
    public void The_others_wait_for_theirs(DialogueState state, SmtpVerb verb, Turn turn) => Assert.Equal(turn, VerbOrder.TurnOf(verb, state));
}
