using System.Buffers;
using System.Buffers.Binary;

namespace Metering.Core.Sources;

/// <summary>
/// Remembers the identities of events that bear no sequence (R7): at least the last
/// <see cref="MinRemembered"/> of a partition. Ids are 128-bit hashes, kept in pages that are reused in a ring, so that
/// a page is one changelog record of bounded size (R9, R15). It is bounded by their number, not by time: 65,536 ids take 1 MB
/// in their pages and 2.7 MB where they are looked up, for each partition; nothing where no event comes without a sequence.
/// Single-threaded.
/// </summary>
public sealed class IdWindow
{
    public const byte KeyTag = (byte)'w';
    public const int IdsPerPage = 1024;
    public const int Pages = 64;

    /// <summary>The guarantee, in events: a page may just have been reused.</summary>
    public const int MinRemembered = IdsPerPage * (Pages - 1);

    private readonly HashSet<UInt128> _known = [];
    private readonly List<UInt128>?[] _pages = new List<UInt128>?[Pages];
    private readonly long[] _rounds = new long[Pages];
    private int _current;
    private int _firstDirty = -1;
    private bool _isKnownStale;

    /// <summary>Takes an id. False: it is in the window, a duplicate.</summary>
    public bool Take(UInt128 id)
    {
        if (_isKnownStale)
            Know();
        if (!_known.Add(id))
            return false;
        var page = _pages[_current] ??= new List<UInt128>(IdsPerPage);
        if (page.Count == IdsPerPage)
            page = Turn();
        page.Add(id);
        if (_firstDirty < 0)
            _firstDirty = _current;
        return true;
    }

    /// <summary>Writes each changed page as an absolute value of its key.</summary>
    public void SaveTo(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        if (_firstDirty < 0)
            return;
        var value = new ArrayBufferWriter<byte>(8 + (16 * IdsPerPage));
        for (var page = _firstDirty; ; page = (page + 1) % Pages)
        {
            value.ResetWrittenCount();
            WritePage(page, value);
            save([KeyTag, (byte)page], value.WrittenSpan);
            if (page == _current)
                break;
        }
        _firstDirty = -1;
    }

    /// <summary>Writes each page that has ever been used; what is still to be saved stays so.</summary>
    public void SaveAllTo(Action<ReadOnlySpan<byte>, ReadOnlySpan<byte>> save)
    {
        var value = new ArrayBufferWriter<byte>(8 + (16 * IdsPerPage));
        for (var page = 0; page < Pages; page++)
        {
            if (_pages[page] is null)
                continue;
            value.ResetWrittenCount();
            WritePage(page, value);
            save([KeyTag, (byte)page], value.WrittenSpan);
        }
    }

    /// <exception cref="InvalidDataException">The record is not one of ours, or damaged.</exception>
    public void Restore(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.Length != 2 || key[0] != KeyTag || key[1] >= Pages || value.Length < 8 || (value.Length - 8) % 16 != 0 || value.Length > 8 + (16 * IdsPerPage))
            throw new InvalidDataException($"not a page of ids: key of {key.Length} bytes, value of {value.Length}");
        int page = key[1];
        _rounds[page] = BinaryPrimitives.ReadInt64LittleEndian(value);
        var ids = _pages[page] = new List<UInt128>(IdsPerPage);
        for (var rest = value[8..]; rest.Length > 0; rest = rest[16..])
        {
            var id = BinaryPrimitives.ReadUInt128LittleEndian(rest);
            ids.Add(id);
        }
        // Only once all pages are there: an id that this page held before may stand on another by now, and pages come in any order.
        _isKnownStale = true;
        if (Position(page).CompareTo(Position(_current)) > 0)
            _current = page;
    }

    private void Know()
    {
        _known.Clear();
        foreach (var page in _pages)
            _known.UnionWith(page ?? []);
        _isKnownStale = false;
    }

    /// <summary>Orders pages by when they were begun; one never used comes first.</summary>
    private (long Round, int Page) Position(int page) => (_pages[page] is null ? -1 : _rounds[page], page);

    private List<UInt128> Turn()
    {
        var round = _rounds[_current] + (_current == Pages - 1 ? 1 : 0);
        _current = (_current + 1) % Pages;
        if (_firstDirty == _current)
            _firstDirty = (_current + 1) % Pages; // a whole ring between two saves: the oldest page is rewritten below
        Forget(_current);
        _rounds[_current] = round;
        return _pages[_current] ??= new List<UInt128>(IdsPerPage);
    }

    private void Forget(int page)
    {
        if (_pages[page] is not { } ids)
            return;
        foreach (var id in ids)
            _known.Remove(id);
        ids.Clear();
    }

    private void WritePage(int page, ArrayBufferWriter<byte> output)
    {
        var ids = _pages[page] ?? [];
        var span = output.GetSpan(8 + (16 * ids.Count));
        BinaryPrimitives.WriteInt64LittleEndian(span, _rounds[page]);
        for (var i = 0; i < ids.Count; i++)
            BinaryPrimitives.WriteUInt128LittleEndian(span[(8 + (16 * i))..], ids[i]);
        output.Advance(8 + (16 * ids.Count));
    }
}
