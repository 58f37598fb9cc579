using Relay.Mail;

namespace Relay.Tests.Mail;

public sealed class FileSharesTests
{
    [Theory]
    [InlineData("Max open files            1024                 1048576              files     ", 896, 784, 672)]
    [InlineData("Max open files            65536                65536                files     ", 57_344, 50_176, 43_008)]
    [InlineData("Max open files            256                  256                  files     ", 192, 168, 144)]
    [InlineData("Max open files            32                   32                   files     ", 1, 1, 1)]
    [InlineData("Max open files            unlimited            unlimited            files     ", int.MaxValue, int.MaxValue, int.MaxValue)]
    [InlineData("", int.MaxValue, int.MaxValue, int.MaxValue)]
    public void Clients_leave_some_to_deliveries_and_both_some_to_everything_else(string limits, int deliveries, int requests, int sessions)
    {
        Assert.Equal(new FileShares(deliveries, requests, sessions), FileShares.Of($"Max core file size        0                    unlimited            bytes     \n{limits}\n"));
    }
}
