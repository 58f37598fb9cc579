using System.Globalization;

namespace Relay.Load.Targets;

/// <summary>Addresses of loopback, as many as there are hosts to play: <c>127.1.0.0</c> and on.</summary>
internal static class LoopbackAddress
{
    public static string Of(int number) => string.Create(
        CultureInfo.InvariantCulture, $"127.{1 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}");
}
