using System.Security.Cryptography;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Relay.Mail.Messages;
using Relay.Mail.Tokens;
using Relay.Smtp.Addresses;

namespace Relay.Tests.Mail.Tokens;

public sealed class MailTokensTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public void A_token_tells_its_purpose_its_message_and_its_recipient()
    {
        var tokens = With(Key(0));
        var message = MessageId.Create(_time);

        Assert.True(tokens.TryRead(Mint(tokens, TokenPurpose.Complaint, message, 7), out var read));

        Assert.Equal(new MailToken(TokenPurpose.Complaint, message, 7), read);
    }

    [Fact]
    public void Any_message_slot_and_recipient_comes_back_as_it_went()
    {
        var tokens = With(Key(3));
        Gen.Select(Gen.Int[0, MessageId.Slots - 1], Gen.Int[-1, MailTokens.MaxRecipient], Gen.Enum<TokenPurpose>()).Sample((slot, recipient, purpose) =>
        {
            var message = MessageId.Create(_time, slot);
            return tokens.TryRead(Mint(tokens, purpose, message, recipient < 0 ? null : recipient), out var read)
                && read == new MailToken(purpose, message, recipient < 0 ? null : recipient);
        });
    }

    [Fact]
    public void It_is_a_local_part_that_any_host_takes()
    {
        var token = Mint(With(Key(255)), TokenPurpose.ReturnPath, MessageId.Create(_time), MailTokens.MaxRecipient);

        Assert.InRange(token.Length, 1, EnvelopeAddress.MaxLocalPartOctets);
        Assert.True(EnvelopeAddress.TryParse($"{token}@bounce.shop.test", out var address));
        Assert.Equal(token, address.LocalPart);
        Assert.All(token, c => Assert.True(char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c)));
    }

    [Fact]
    public void A_host_that_changes_the_case_does_no_harm()
    {
        var tokens = With(Key(0));
        var message = MessageId.Create(_time);

        Assert.True(tokens.TryRead(Mint(tokens, TokenPurpose.ReturnPath, message, null).ToUpperInvariant(), out var read));

        Assert.Equal(message, read.Message);
    }

    [Fact]
    public void A_changed_character_makes_it_nobodys()
    {
        var tokens = With(Key(0));
        var token = Mint(tokens, TokenPurpose.ReturnPath, MessageId.Create(_time), null);
        for (var at = 0; at < token.Length; at++)
        {
            foreach (var other in "0123456789abcdefghjkmnpqrstvwxyz".Where(c => c != token[at]))
            {
                Assert.False(tokens.TryRead(token.Remove(at, 1).Insert(at, other.ToString()), out _), $"{other} at {at}");
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("postmaster")]
    [InlineData("llllllllllllllllllllllllllllllllllllllllllllllll")]
    [InlineData("000000000000000000000000000000000000000000000000")]
    [InlineData("0000000000000000000000000000000000000000000000000")]
    [InlineData("ééééééééééééééééééééééééééééééééééééééééééééééééé")]
    public void What_is_no_token_is_told_so(string text) => Assert.False(With(Key(0)).TryRead(text, out _));

    [Fact]
    public void Another_relays_key_makes_no_token_of_ours()
    {
        var token = Mint(With(Key(0)), TokenPurpose.ReturnPath, MessageId.Create(_time), null);

        Assert.False(With(Key(0)).TryRead(token, out _));
        Assert.False(With(Key(1)).TryRead(token, out _));
    }

    [Fact]
    public void A_new_key_signs_from_its_time_on_and_the_old_one_is_still_read()
    {
        var (old, next) = (Key(0), Key(1) with { From = _time.GetUtcNow().AddMinutes(5) });
        var tokens = With(old, next);
        var message = MessageId.Create(_time);

        var before = Mint(tokens, TokenPurpose.ReturnPath, message, null);
        _time.Advance(TimeSpan.FromMinutes(5));
        var after = Mint(tokens, TokenPurpose.ReturnPath, message, null);

        Assert.NotEqual(before, after);
        Assert.True(tokens.TryRead(before, out _));
        Assert.True(tokens.TryRead(after, out _));
        Assert.True(With(old).TryRead(before, out _));
        Assert.False(With(old).TryRead(after, out _));
    }

    [Fact]
    public void Without_a_key_there_are_no_tokens()
    {
        var tokens = new MailTokens(_time);

        Assert.False(tokens.TryMint(TokenPurpose.ReturnPath, MessageId.Create(_time), null, out _));
        Assert.False(tokens.TryRead(Mint(With(Key(0)), TokenPurpose.ReturnPath, MessageId.Create(_time), null), out _));
        Assert.False(new Unsubscription("shop", MessageId.Create(_time), "ann@x.test").TrySeal(tokens, out _));
    }

    [Fact]
    public void Text_of_a_key_that_is_not_known_may_be_a_token_until_all_keys_have_been_read()
    {
        var (old, other) = (Key(0), Key(1));
        var minted = Mint(With(old), TokenPurpose.ReturnPath, MessageId.Create(_time), null);
        Assert.True(With(old).TrySeal(TokenPurpose.Unsubscribe, "claim"u8, out var whole));
        var tokens = new MailTokens(_time);
        Assert.True(tokens.MayBeRead(minted) && tokens.MayBeOpened(whole));

        tokens.Use([other], 0);
        Assert.True(tokens.MayBeRead(minted) && tokens.MayBeOpened(whole));

        tokens.Use([other]);
        Assert.False(tokens.MayBeRead(minted) || tokens.MayBeOpened(whole));

        // Cut off for so long another node may have made one that signs by now.
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.True(tokens.MayBeRead(minted) && tokens.MayBeOpened(whole));
        tokens.Use([other, old]);
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.False(tokens.MayBeRead(minted) || tokens.MayBeOpened(whole));
    }

    [Theory]
    [InlineData("")]
    [InlineData("postmaster")]
    [InlineData("000000000000000000000000000000000000000000000000")]
    [InlineData("llllllllllllllllllllllllllllllllllllllllllllllll")]
    public void What_does_not_look_like_a_token_is_none_whatever_keys_there_are(string text)
    {
        var tokens = new MailTokens(_time);

        Assert.False(tokens.MayBeRead(text) || tokens.MayBeOpened(text.AsSpan(0, Math.Min(text.Length, 10))));
    }

    [Fact]
    public void A_link_of_test_mail_says_so_and_one_of_live_mail_is_what_it_always_was()
    {
        var tokens = With(Key(0));
        var live = new Unsubscription("shop", MessageId.Create(_time), "ann@x.test", "news");
        var test = live with { Mode = MessageMode.Test };
        Assert.True(live.TrySeal(tokens, out var link));
        Assert.True(test.TrySeal(tokens, out var played));

        Assert.Equal((live, test), (Unsubscription.Open(tokens, link), Unsubscription.Open(tokens, played)));
        Assert.True(tokens.TryOpen(TokenPurpose.Unsubscribe, link, out var claim));
        Assert.Equal($"shop\n{live.Message}\nann@x.test\nnews", System.Text.Encoding.UTF8.GetString(claim));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("weekly news")]
    public void An_unsubscription_opens_again_and_shows_nothing_of_itself(string? stream)
    {
        var tokens = With(Key(0));
        var whole = new Unsubscription("acct_1", MessageId.Create(_time), "bücher@x.test", stream);

        Assert.True(whole.TrySeal(tokens, out var token));

        Assert.Equal(whole, Unsubscription.Open(tokens, token));
        Assert.True(whole.TrySeal(tokens, out var again));
        Assert.Equal(token, again);
        Assert.All(token, c => Assert.True(char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));
    }

    [Fact]
    public void A_sealed_claim_opens_for_no_other_purpose_no_other_key_and_not_when_changed()
    {
        var tokens = With(Key(0));
        Assert.True(tokens.TrySeal(TokenPurpose.Unsubscribe, "claim"u8, out var token));

        Assert.True(tokens.TryOpen(TokenPurpose.Unsubscribe, token, out var claim));
        Assert.Equal("claim"u8.ToArray(), claim);
        Assert.False(tokens.TryOpen(TokenPurpose.Complaint, token, out _));
        Assert.False(With(Key(0)).TryOpen(TokenPurpose.Unsubscribe, token, out _));
        Assert.Null(Unsubscription.Open(tokens, token));
        for (var at = 0; at < token.Length - 1; at++)
        {
            Assert.False(tokens.TryOpen(TokenPurpose.Unsubscribe, token.Remove(at, 1).Insert(at, token[at] == 'A' ? "B" : "A"), out _), $"changed at {at}");
        }

        Assert.False(tokens.TryOpen(TokenPurpose.Unsubscribe, "", out _));
        Assert.False(tokens.TryOpen(TokenPurpose.Unsubscribe, "no token at all!", out _));
        Assert.False(tokens.TryOpen(TokenPurpose.Unsubscribe, "AAAA", out _));
    }

    internal static TokenKey Key(int number) => new(number, RandomNumberGenerator.GetBytes(TokenKey.SecretBytes), DateTimeOffset.UnixEpoch);

    private MailTokens With(params TokenKey[] keys)
    {
        var tokens = new MailTokens(_time);
        tokens.Use(keys);
        return tokens;
    }

    private static string Mint(MailTokens tokens, TokenPurpose purpose, MessageId message, int? recipient)
    {
        Assert.True(tokens.TryMint(purpose, message, recipient, out var token));
        return token;
    }
}
