using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Policies;
using Metering.Core.Windows;

namespace Metering.Core.Tests.Leases;

/// <summary>How much of a limit can be used when nothing fails.</summary>
public sealed class LeaseUseTests
{
    private static readonly AccountKey Tokens = new("tenant=acme", LimitUnit.Tokens, LimitPeriod.Minute);

    [Theory]
    [InlineData(100, 1)]
    [InlineData(100, 3)]
    [InlineData(20, 1)]
    [InlineData(3, 1)]
    public void R23_Two_gateways_use_97_percent_of_a_limit_worth_100_calls_and_of_a_small_one_all_but_one_call(int calls, int shareUsed)
    {
        const long Call = 500;
        var limit = calls * Call;
        var table = new LeaseTable(2);
        table.Governor.SetLimits(Tokens, [new("p", limit)]);
        var used = Spend(table, Call, Call / shareUsed, untilMs: 50_000);
        Assert.InRange(used, calls >= 100 ? limit * 97 / 100 : limit - Call, limit);
        Assert.InRange(table.Governor.Figures(Tokens)!.Value.Charged, used, limit);
    }

    [Fact]
    public void R26_Each_window_is_used_to_its_end()
    {
        var second = Tokens with { Per = LimitPeriod.Second };
        var table = new LeaseTable(2);
        table.Governor.SetLimits(second, [new("p", 10_000)]);
        var used = Spend(table, 100, 100, untilMs: 10_000, second);
        Assert.InRange(used, 10 * 9_700, 10 * 10_000);
    }

    [Fact]
    public void R27_The_turn_of_a_window_refuses_nobody()
    {
        var table = new LeaseTable(2);
        table.Governor.SetLimits(Tokens, [new("p", 1_000_000)]);
        var accounts = table.Books.Select(book => book.Account(Tokens, new(0))).ToArray();
        for (var ms = 0; ms < 125_000; ms += 50)
        {
            for (var i = 0; i < 2; i++)
            {
                var reservation = table.Reserve(table.Books[i], new LeaseNeed(accounts[i], 100));
                Assert.True(reservation is not null, $"refused at {table.Now / 1000} ms");
                table.Books[i].Settle(reservation, [100], table.Now);
            }
            table.Pass(50);
        }
    }

    /// <summary>Both gateways ask all the time; what is left at last is spent by smaller calls.</summary>
    private static long Spend(LeaseTable table, long call, long use, long untilMs, AccountKey? key = null)
    {
        var accounts = table.Books.Select(book => book.Account(key ?? Tokens, new(0))).ToArray();
        var used = 0L;
        while (table.Now < untilMs * 1000)
        {
            for (var i = 0; i < table.Books.Length; i++)
            {
                var book = table.Books[i];
                for (var n = 0; n < 3; n++)
                {
                    LeaseNeed[] needs = [new(accounts[i], call)];
                    if (book.Reserve(needs, table.Now, out var reservation) == ReserveResult.Short)
                        book.Wait(needs, table.Now, table.Now + 250_000, waiter => End(table, book, waiter.Reservation));
                    End(table, book, reservation);
                }
            }
            table.Pass(20);
        }
        return used;

        void End(LeaseTable table, LeaseBook book, LeaseReservation? reservation)
        {
            if (reservation is null)
                return;
            used += use;
            book.Settle(reservation, [use], table.Now);
        }
    }
}
