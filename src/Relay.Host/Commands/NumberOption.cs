using System.CommandLine;
using System.Globalization;
using System.Numerics;

namespace Relay.Host.Commands;

/// <summary>An option that takes a number, and says so in words of people where it is given something else.</summary>
internal static class NumberOption
{
    public static Option<T?> Create<T>(string name, string description)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            CustomParser = result =>
            {
                if (result.Tokens is [var token] && T.TryParse(token.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && T.IsFinite(number))
                {
                    return number;
                }

                result.AddError($"{name} must be a {(T.TryParse("0.5", CultureInfo.InvariantCulture, out _) ? "number" : "whole number")}.");
                return null;
            },
        };
}
